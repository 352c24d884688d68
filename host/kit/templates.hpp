// SPDX-License-Identifier: Apache-2.0
// The files of sdk/templates, as the program carries them.
#pragma once

#include <string_view>

namespace kvhost {

extern const std::string_view kScorerCpp, kScorerTorchCpp, kWrapperCpp, kHeadAllocatorCpp,
    kLayerAllocatorCpp, kPressCpp;
extern const std::string_view kScorerC, kWrapperC, kHeadAllocatorC, kLayerAllocatorC, kPressC;
extern const std::string_view kTestScorerCpp, kTestWrapperCpp, kTestHeadAllocatorCpp,
    kTestLayerAllocatorCpp, kTestPressCpp;
extern const std::string_view kScorerRs, kWrapperRs, kHeadAllocatorRs, kLayerAllocatorRs, kPressRs;
extern const std::string_view kTestScorerRs, kTestWrapperRs, kTestHeadAllocatorRs,
    kTestLayerAllocatorRs, kTestPressRs;
// The ABI as Rust has it, and what stands around a method there.
extern const std::string_view kAbiRs, kDescribeRs, kGlueRs, kModRs, kTestingRs, kViewRs;
extern const std::string_view kModelRs, kCargoToml, kRustReadmeMd, kRustCiYml, kRustGitignore;
extern const std::string_view kIndexReadmeMd, kIndexCiYml;
extern const std::string_view kKvpressSidePy;
extern const std::string_view kCMakeListsTxt, kReadmeMd, kCiYml, kGitignore, kLicense;

}  // namespace kvhost
