// What a verb of the command is: each cmd_<verb>.cpp registers one. The table is ordered as users meet the verbs.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// Options that every verb has.
struct CommonOptions {
  bool json = false;   ///< results as JSON on stdout
  bool quiet = false;  ///< no progress, no remarks
};

struct Verb {
  int order;            ///< place in --help
  std::string name;
  std::string summary;  ///< one line
  std::string example;  ///< shown under --help
  /// Declares the options and returns what runs once they are parsed: results to stdout, words through log.hpp.
  std::function<std::function<Status()>(CLI::App& app, const CommonOptions& common)> setup;
};

std::vector<Verb>& verbs();

struct VerbRegistration {
  explicit VerbRegistration(Verb verb) { verbs().push_back(std::move(verb)); }
};

}  // namespace tidegauge
