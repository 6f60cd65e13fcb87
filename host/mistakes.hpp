// Collects what is wrong, so that a user mends all of it at once: four mistakes give four messages.
// Thread safety: a value. Tested by tests/host/settings_test.cpp.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

class Mistakes {
 public:
  void add(Error mistake) { all_.push_back(std::move(mistake)); }
  /// Takes the error of a Status or an Expected, if there is one.
  template <class T>
  void add(const Expected<T>& result) {
    if (!result) all_.push_back(result.error());
  }
  void add(const Mistakes& others) { all_.insert(all_.end(), others.all_.begin(), others.all_.end()); }

  bool none() const { return all_.empty(); }
  const std::vector<Error>& all() const { return all_; }

  /// One error with a line for each; its kind is the one with the highest exit status.
  Status status() const {
    if (all_.empty()) return {};
    if (all_.size() == 1) return all_.front();
    Error joined = {"", "", "", all_.front().kind};
    for (const Error& mistake : all_) {
      joined.what += (joined.what.empty() ? "" : "\n  ") + mistake.message();
      joined.kind = std::max(joined.kind, mistake.kind);
    }
    return joined;
  }

 private:
  std::vector<Error> all_;
};

}  // namespace tidegauge
