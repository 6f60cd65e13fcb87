// A SettingTable's fields as options of a verb. What was given is kept as text and applied later, so that the settings
// that it changes may come from elsewhere first (defaults, a settings file, the model that is fine-tuned).
// Tested by tests/tools/learn_test.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/settings.hpp"

namespace tidegauge {

class SettingOptions {
 public:
  void declare(CLI::App& app, const SettingTable& table) {
    for (const SettingField& field : table.fields()) {
      const std::string flag = field.flag();
      const auto keep = [this, name = field.name()](const std::string& text) { given_.emplace_back(name, text); };
      if (field.is_switch) {
        app.add_flag_function(flag + ",!--no-" + flag.substr(2),
                              [keep](std::int64_t count) { keep(count > 0 ? "true" : "false"); }, field.help);
      } else if (field.is_list) {
        app.add_option_function<std::vector<std::string>>(
               flag, [keep](const std::vector<std::string>& texts) { for (const auto& text : texts) keep(text); },
               field.help)->delimiter(',')->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->allow_extra_args(false);  // one word an option: the next one may be a capture's name
      } else {
        app.add_option_function<std::string>(flag, keep, field.help);
      }
    }
  }

  /// Applies what was given to the targets of `table`. All mistakes in one usage error, one per line.
  Status apply(const SettingTable& table) const {
    std::string wrong, remedy;
    for (const auto& [name, text] : given_)
      for (const SettingField& field : table.fields()) {
        if (field.name() != name) continue;
        if (auto status = field.parse(text); !status) {
          wrong += (wrong.empty() ? "" : "\n  ") + field.flag() + ": " + status.error().what;
          remedy = status.error().remedy;
        }
      }
    if (wrong.empty()) return {};
    return Error{wrong, "", remedy.empty() ? "--help lists every option" : remedy, ErrorKind::usage};
  }

 private:
  std::vector<std::pair<std::string, std::string>> given_;
};

}  // namespace tidegauge
