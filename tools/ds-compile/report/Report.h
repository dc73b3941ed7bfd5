// `ds-compile --report`: the precision plan as one HTML page that needs nothing else, no network and no second file.
#pragma once

#include "tools/ds-compile/report/ReportData.h"

namespace dsmlir {

/// The page: report.html with the style, the scripts and `data` (reportData) in it. Texts of strangers (paths, patterns, file names)
/// cannot leave the data, and the page's own policy lets no other script run and nothing be fetched. The same data give the same bytes.
std::string reportPage(const dsrt::Json &data);

} // namespace dsmlir
