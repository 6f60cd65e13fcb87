#include "host/keyed_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace tidegauge {

namespace {

Status check_keys(const std::vector<SeriesFile::KeyTotal>& keys, const SeriesFile::KeyQuery& wanted,
                  const std::string& where) {
  if (keys.empty())
    return Error{fmt::format("no {} came in the stretch", wanted.kind), where, "another --since or --until", ErrorKind::usage};
  std::set<std::string> seen;
  for (const SeriesFile::KeyTotal& key : keys) {
    if (key.packets == 0)
      return Error{fmt::format("{} {} never came in the stretch", wanted.kind, key.name), "--keys",
                   fmt::format("tidegauge export --by {} lists those that did", wanted.kind), ErrorKind::usage};
    if (!seen.insert(key.name).second)
      return Error{fmt::format("{} {} is given twice", wanted.kind, key.name), "--keys", "each key once", ErrorKind::usage};
  }
  return {};
}

}  // namespace

Expected<KeyedSeries> KeyedSeries::read(const SeriesFile& file, const SeriesFile::Query& query,
                                        const SeriesFile::KeyQuery& wanted) {
  KeyedSeries all;
  all.kind_ = wanted.kind;
  auto keys = file.keys(query, wanted);
  if (!keys) return keys.error();
  TG_TRY(check_keys(*keys, wanted, file.path()));
  all.keys_ = *std::move(keys);
  auto missed = file.missed_kind(query.point, wanted.kind);
  if (!missed) return missed.error();
  all.approximate_ = !missed->empty();
  SeriesFile::Query frame = query;
  frame.columns = {"packets"};
  auto read = file.read(frame);
  if (!read) return read.error();
  all.frame_ = *std::move(read);
  all.frame_.columns = {"packets", "bytes"};
  all.frame_.values.clear();
  TG_TRY(all.read_counts(file, query));
  return all;
}

Status KeyedSeries::read_counts(const SeriesFile& file, const SeriesFile::Query& query) {
  values_.assign(keys_.size(), std::vector<double>(2 * frame_.size()));
  std::size_t row = 0;  // the visitor comes in the order of k
  return file.visit_keys(query, kind_, keys_,
                         [&](std::int64_t k, std::size_t key, std::uint64_t packets, std::uint64_t bytes) -> Status {
                           while (row < frame_.size() && frame_.k[row] < k) ++row;
                           if (row == frame_.size() || frame_.k[row] != k)
                             return Error{fmt::format("interval {} has counts of a key but no row", k), file.path(),
                                          "bin the captures again into a new file"};
                           values_[key][2 * row] = static_cast<double>(packets);
                           values_[key][2 * row + 1] = static_cast<double>(bytes);
                           return {};
                         });
}

IntervalSeries KeyedSeries::series(std::size_t key) const {
  IntervalSeries one = frame_;
  one.values = values_[key];
  return one;
}

}  // namespace tidegauge
