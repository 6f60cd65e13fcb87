// The fields of one kind of settings as options of a verb. What was given is kept as text and applied later, so that the
// settings that it changes may come from elsewhere first (defaults, a settings file, the model that is fine-tuned); what
// was given outranks those.
// Tested by tests/tools/learn_test.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "host/mistakes.hpp"
#include "host/settings.hpp"

namespace tidegauge {

template <class Settings>
class SettingOptions {
 public:
  using AddFields = void (*)(SettingTable& table, Settings& target);
  explicit SettingOptions(AddFields add_fields) : add_fields_(add_fields) {}

  void declare(CLI::App& app) {
    Settings unused;
    SettingTable table;
    add_fields_(table, unused);
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

  /// @return every mistake in what was given.
  Mistakes apply(Settings& target) const {
    SettingTable table;
    add_fields_(table, target);
    Mistakes mistakes;
    for (const SettingField& field : table.fields())
      if (field.outrank && is_given(field.name())) field.outrank();
    for (const auto& [name, text] : given_)
      for (const SettingField& field : table.fields()) {
        if (field.name() != name) continue;
        if (auto status = field.parse(text); !status)
          mistakes.add({status.error().what, field.flag(), status.error().remedy, ErrorKind::usage});
      }
    return mistakes;
  }

  /// What was given so far: setting and text, in its order.
  using Given = std::vector<std::pair<std::string, std::string>>;
  const Given& given() const { return given_; }
  /// In place of what was given.
  void give(Given given) { given_ = std::move(given); }

 private:
  bool is_given(const std::string& name) const {
    return std::any_of(given_.begin(), given_.end(), [&](const auto& one) { return one.first == name; });
  }

  AddFields add_fields_;
  Given given_;
};

}  // namespace tidegauge
