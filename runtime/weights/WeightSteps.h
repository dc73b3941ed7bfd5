// How a parameter is cut into pieces and goes from format to format; shared by the loader and by what it says beforehand.
#pragma once

#include "runtime/launcher/Manifest.h"

#include <functional>
#include <string>
#include <vector>

namespace dsrt {

/// Tiles along one extent; a tile of 0 is the whole extent.
inline int64_t tilesOf(int64_t extent, int32_t tile) { return tile == 0 ? (extent > 0 ? 1 : 0) : (extent + tile - 1) / tile; }

/// Parameters with equal keys hold the same bytes and share one copy (a tied embedding and head).
std::string copyKey(const ManifestParameter &parameter);

/// Rows of one piece: a common multiple of the tile heights of all formats that it goes through, about a million elements; all rows
/// where a scale is of the whole matrix.
int64_t pieceRows(const ManifestParameter &parameter);

/// Rows `begin` .. `begin + rows` of one expert, from F32 values through `formats` into the last of them.
///
/// \param expert   its number in the model, 0 where there are no experts
/// \param values   [rows, cols]; overwritten by what the steps before the last leave of them
/// \param payload  where these rows' resident payload goes, [rows, cols]
/// \param scales   where their scales go; null where the last format has none
Status runSteps(const std::vector<dsrt_quant> &formats, std::vector<float> &values, int64_t expert, int64_t begin, int64_t rows,
                int64_t cols, void *payload, float *scales);

} // namespace dsrt
