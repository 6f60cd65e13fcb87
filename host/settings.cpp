#include "host/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <numeric>
#include <optional>
#include <sstream>

#include <toml++/toml.h>

namespace tidegauge {

namespace {

template <class T>
std::optional<T> whole_number(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string nearest(const std::vector<SettingField>& fields, const std::string& name) {
  const auto best = std::min_element(fields.begin(), fields.end(), [&](const auto& a, const auto& b) {
    return edit_distance(a.name(), name) < edit_distance(b.name(), name);
  });
  return best == fields.end() ? "" : best->name();
}

/// The text that a scalar would have on the command line; nothing for tables, arrays and dates.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return *text;
  if (auto whole = node.value_exact<std::int64_t>()) return fmt::format("{}", *whole);
  if (auto real = node.value_exact<double>()) return fmt::format("{}", *real);
  if (auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
  return std::nullopt;
}

std::string place(const std::string& path, const toml::node& node) {
  return fmt::format("{}:{}", path, node.source().begin.line);
}

/// Applies the values of one file and collects the mistakes.
class FileReader {
 public:
  FileReader(const std::vector<SettingField>& fields, std::string path) : fields_(fields), path_(std::move(path)) {}

  std::vector<Error> read() {
    if (!std::ifstream(path_)) {
      refuse(path_, std::string("cannot be read: ") + std::strerror(errno), "the name of a TOML file");
      return mistakes_;
    }
    try {
      const toml::table parsed = toml::parse_file(path_);
      for (const auto& [section, node] : parsed) read_section(std::string(section.str()), node);
    } catch (const toml::parse_error& error) {
      refuse(fmt::format("{}:{}", path_, error.source().begin.line), std::string(error.description()),
             "see the README's example of a settings file");
    }
    return mistakes_;
  }

 private:
  void read_section(const std::string& section, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (!table) {
      refuse(place(path_, node), fmt::format("`{}` stands outside a section", section), "put it under a [section]");
      return;
    }
    for (const auto& [key, value] : *table) read_value(section, std::string(key.str()), value);
  }

  void read_value(const std::string& section, const std::string& key, const toml::node& value) {
    const auto field = std::find_if(fields_.begin(), fields_.end(), [&](const SettingField& candidate) {
      return candidate.section == section && candidate.key == key;
    });
    if (field == fields_.end()) {
      const std::string name = section + "." + key;
      refuse(place(path_, value), fmt::format("unknown setting `{}`", name), nearest(fields_, name));
      return;
    }
    const toml::array* list = value.as_array();
    if (list && field->is_list) {
      for (const toml::node& element : *list) apply(*field, element);
    } else {
      apply(*field, value);
    }
  }

  void apply(const SettingField& field, const toml::node& value) {
    const auto text = scalar_text(value);
    if (!text) {
      refuse(place(path_, value), fmt::format("`{}` has the wrong type", field.name()), field.help);
    } else if (auto status = field.parse(*text); !status) {
      refuse(place(path_, value), fmt::format("`{}`: {}", field.name(), status.error().what), status.error().remedy);
    }
  }

  void refuse(std::string where, std::string what, std::string remedy) {
    mistakes_.push_back({std::move(what), std::move(where), std::move(remedy), ErrorKind::usage});
  }

  const std::vector<SettingField>& fields_;
  std::string path_;
  std::vector<Error> mistakes_;
};

}  // namespace

std::string SettingField::flag() const {
  std::string text = "--" + key;
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

std::vector<Error> SettingTable::load_file(const std::string& path) const { return FileReader(fields_, path).read(); }

SettingParser parse_text(std::string& target) {
  return [&target](const std::string& text) -> Status { return target = text, Status{}; };
}

SettingParser parse_count(std::size_t& target, std::size_t least, std::size_t most) {
  return [&target, least, most](const std::string& text) -> Status {
    const auto value = whole_number<std::size_t>(text);
    if (!value || *value < least || *value > most)
      return Error{fmt::format("`{}` is not a whole number from {} to {}", text, least, most), "", "", ErrorKind::usage};
    target = *value;
    return {};
  };
}

SettingParser parse_number(double& target, double least, double most) {
  return [&target, least, most](const std::string& text) -> Status {
    const auto value = whole_number<double>(text);
    if (!value || !(*value >= least && *value <= most))
      return Error{fmt::format("`{}` is not a number from {} to {}", text, least, most), "", "", ErrorKind::usage};
    target = *value;
    return {};
  };
}

SettingParser parse_switch(bool& target) {
  return [&target](const std::string& text) -> Status {
    if (text != "true" && text != "false")
      return Error{fmt::format("`{}` is neither true nor false", text), "", "", ErrorKind::usage};
    target = text == "true";
    return {};
  };
}

SettingField list_field(std::string section, std::string key, std::string help, std::vector<std::string>& target) {
  return {std::move(section), std::move(key), std::move(help),
          [&target](const std::string& text) -> Status { return target.push_back(text), Status{}; },
          true, false, [&target] { target.clear(); }};
}

}  // namespace tidegauge
