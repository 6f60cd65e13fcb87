// One table of settings serves the settings file and the command line: a field is `section.key` in TOML and
// `--flag` in the shell, parsed and range-checked by the same setter. Every mistake in a file is reported, each with
// its line: four mistakes, four messages. Flags are applied after the file and outrank it. Tested by tests/host/settings_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// Turns a value's text into the setting; an error says what is accepted.
using SettingParser = std::function<Status(const std::string& text)>;

struct SettingField {
  std::string section, key;  ///< [section] key = ...
  std::string help;          ///< one line
  SettingParser parse;
  bool is_list = false;      ///< parse is called once per element
  bool is_switch = false;    ///< true or false; `--key` and `--no-key` on the command line
  /// Forgets what a source of lower rank set and a value given here would not replace: the elements of a list, or the
  /// other of two settings that exclude each other. Called before the values of the source; empty for most fields.
  std::function<void()> outrank = {};

  std::string name() const { return section + "." + key; }
  std::string flag() const;  ///< "--look-back" for key look_back
};

class SettingTable {
 public:
  void add(SettingField field) { fields_.push_back(std::move(field)); }
  const std::vector<SettingField>& fields() const { return fields_; }

  /// Applies a TOML file. @return every mistake found (unknown names with the nearest known one, wrong types, values
  /// out of range); empty if the file was right.
  std::vector<Error> load_file(const std::string& path) const;

 private:
  std::vector<SettingField> fields_;
};

// Parsers that write to `target`, which must outlive the table.
SettingParser parse_text(std::string& target);
SettingParser parse_count(std::size_t& target, std::size_t least, std::size_t most);
SettingParser parse_number(double& target, double least, double most);
SettingParser parse_switch(bool& target);
/// A list of texts; one given on the command line replaces the file's as a whole.
SettingField list_field(std::string section, std::string key, std::string help, std::vector<std::string>& target);

}  // namespace tidegauge
