// For tests that need a card: without one they are skipped, never passed; TIDEGAUGE_REQUIRE=cuda turns the skip into a
// failure.
#pragma once

#include <cstdlib>
#include <string_view>

#include "kernels/core/backend.hpp"
#include "tests/support.hpp"

namespace tidegauge::test {

inline bool cuda_is_required() {
  const char* required = std::getenv("TIDEGAUGE_REQUIRE");
  return required && std::string_view(required).find("cuda") != std::string_view::npos;
}

}  // namespace tidegauge::test

/// Declares `name`, a std::unique_ptr<Backend> on the first card, or ends the test.
#define TG_NEEDS_CUDA(name)                                                                           \
  auto tg_choice = ::tidegauge::choose_device("cuda");                                                \
  if (!tg_choice) {                                                                                   \
    if (::tidegauge::test::cuda_is_required()) FAIL() << "required: " << tg_choice.error().message(); \
    GTEST_SKIP() << tg_choice.error().message();                                                      \
  }                                                                                                   \
  const auto name = std::move(tg_choice->backend)
