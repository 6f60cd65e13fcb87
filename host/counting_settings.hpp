// What captures are counted by, beyond the default counters: the settings as the user writes them (section [count] of a
// settings file, flags of `bin` and `run`), what they mean, and the JSON that a series file keeps with each trace, so that
// captures counted by different settings are never added up.
// Thread safety: pure functions. Tested by tests/host/counting_settings_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/settings.hpp"
#include "ingest/sinks/keyed_options.hpp"

namespace tidegauge {

struct CountingSettings {
  bool outer = false, distinct = false;
  std::string filter{};
  std::vector<std::string> only{}, by{};
  std::size_t dedup = 0;
  std::string keys{};                ///< a file with a prefix or MAC a line, "auto" or "auto:K"
  std::string prefix_length{};       ///< of "auto" and without a list: "16" or "16,32" (IPv4, IPv6)
  std::size_t key_capacity = 0;      ///< of the table that takes the place of a list; 0: its default
  std::string inside_prefix{}, inside_mac{};      ///< a file, or the list itself with commas
  std::vector<std::string> inside_interface{};
  std::string in_name{}, out_name{};
};

/// Section [count]; `target` must outlive the table.
void add_counting_fields(SettingTable& table, CountingSettings& target);

/// Reads the lists and checks everything that can be checked before a capture is read, the filter included.
Expected<KeyedOptions> resolve_counting(const CountingSettings& settings);

/// JSON of what changes the numbers: "{}" for the default counters, equal texts for equal meaning. Long key lists are
/// named by their hash.
std::string counting_json(const KeyedOptions& options);

/// What of counting_json() chooses among a capture's packets: `outer`, `filter`, `only` and `dedup`; keys and sketches only
/// sort them. An error for what that function does not write, or libpcap no longer takes.
Expected<KeyedOptions> chosen_packets(const std::string& counting_json);

/// The key lists of `--keys auto`, which later captures of the same point are counted by.
std::string key_lists_json(const KeyedOptions& options);
/// Fills them in again; nothing if the document lacks one that `options` need.
std::optional<KeyedOptions> with_key_lists(KeyedOptions options, const std::string& json);

}  // namespace tidegauge
