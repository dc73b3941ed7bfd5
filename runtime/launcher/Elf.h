// Reads one section of an ELF file without running or mapping any of it: the artifact is a stranger's file until its manifest
// has been checked.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>

namespace dsrt {

/// The content of section `section` of the shared object at `path`, at most `limit` bytes.
///
/// Checked first: a 64-bit little-endian shared object of this machine, whose header tables, sections and segments all lie
/// inside the file, so that the dynamic loader meets no truncated segment. DSRT_UNREADABLE with the reason; DSRT_UNAVAILABLE
/// for a shared object of another processor.
Expected<std::string> readElfSection(const std::string &path, const std::string &section, uint64_t limit);

} // namespace dsrt
