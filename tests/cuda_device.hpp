// For tests that need a card.
#pragma once

#include "kernels/core/backend.hpp"
#include "tests/support.hpp"

/// Declares `name`, a std::unique_ptr<Backend> on the first card, or ends the test.
#define TG_NEEDS_CUDA(name)                                  \
  auto tg_choice = ::tidegauge::choose_device("cuda");       \
  TG_NEEDS(tg_choice, "cuda", tg_choice.error().message()); \
  const auto name = std::move(tg_choice->backend)
