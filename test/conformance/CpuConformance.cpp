// The conformance suite on the CPU backend.
#include "runtime/backend/cpu/Backend.h"
#include "test/conformance/Harness.h"
#include "test/conformance/TargetTable.h"

int main(int count, char **words) {
  testing::InitGoogleTest(&count, words);
  dsrt::conformance::registerCases(dsrt::cpu::backend());
  dsrt::conformance::registerTargetTable("cpu", dsrt::cpu::backend());
  return RUN_ALL_TESTS();
}
