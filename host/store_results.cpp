// What models said and labelled, and tables of scores, metrics and runs.
#include <fmt/format.h>

#include <limits>

#include "host/store_impl.hpp"

namespace tidegauge {

namespace {

const char* direction_name(Direction direction) { return direction == Direction::rising ? "rising" : "falling"; }

Status insert_forecast_values(const sqlite::Database& db, std::int64_t id, const Forecast& forecast) {
  auto insert = db.prepare("INSERT INTO forecast_values (forecast, k, predicted, actual) VALUES (?1, ?2, ?3, ?4)");
  if (!insert) return std::move(insert).error();
  for (std::size_t i = 0; i < forecast.k.size(); ++i)
    TG_TRY(insert->bind(id, forecast.k[i], forecast.predicted[i], forecast.actual[i]).run());
  return {};
}

Status insert_forecast(const sqlite::Database& db, const Forecast& forecast, const std::string& point) {
  auto insert = db.prepare("INSERT INTO forecasts (point, model, \"column\", step) VALUES (?1, ?2, ?3, ?4)");
  if (!insert) return std::move(insert).error();
  TG_TRY(insert->bind(point, forecast.model, forecast.column, forecast.step).run());
  return insert_forecast_values(db, db.last_insert_id(), forecast);
}

/// The point's scores, if one of them speaks of the column. A document that is no JSON stays.
constexpr const char* delete_scores =
    "DELETE FROM results WHERE name = 'scores' AND point = ?1 AND CASE WHEN json_valid(document) THEN "
    "EXISTS (SELECT 1 FROM json_each(document, '$.scores') WHERE json_extract(document, fullkey || '.column') = ?2) END";

Status run_for_column(const sqlite::Database& db, const char* sql, const std::string& point, const std::string& column) {
  auto statement = db.prepare(sql);
  if (!statement) return std::move(statement).error();
  return statement->bind(point, column).run();
}

Status insert_label_rows(const sqlite::Database& db, std::int64_t id, const Labels& labels) {
  auto range = db.prepare("INSERT INTO labels (label_set, ordinal, first_k, last_k, peak_k, direction, slope, detections) "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  if (!range) return std::move(range).error();
  for (std::size_t i = 0; i < labels.ranges.size(); ++i) {
    const LabelledRange& r = labels.ranges[i];
    TG_TRY(range->bind(id, i, r.first_k, r.last_k, r.peak_k, direction_name(r.direction), r.slope, r.detections).run());
  }
  auto detection = db.prepare("INSERT INTO detections (label_set, ordinal, k) VALUES (?1, ?2, ?3)");
  if (!detection) return std::move(detection).error();
  for (std::size_t i = 0; i < labels.detections.size(); ++i)
    TG_TRY(detection->bind(id, i, labels.detections[i]).run());
  return {};
}

Status read_forecast_values(const sqlite::Database& db, std::int64_t id, Forecast& forecast) {
  auto select = db.prepare("SELECT k, predicted, actual FROM forecast_values WHERE forecast = ?1 ORDER BY k");
  if (!select) return std::move(select).error();
  select->bind(id);
  return for_each_row(*select, [&] {
    forecast.k.push_back(select->integer(0));
    forecast.predicted.push_back(select->real(1));
    forecast.actual.push_back(select->real(2));
    return Status();
  });
}

Status read_label_rows(const sqlite::Database& db, std::int64_t id, Labels& labels) {
  auto ranges = db.prepare("SELECT first_k, last_k, peak_k, direction, slope, detections FROM labels "
                           "WHERE label_set = ?1 ORDER BY ordinal");
  if (!ranges) return std::move(ranges).error();
  ranges->bind(id);
  TG_TRY(for_each_row(*ranges, [&] {
    labels.ranges.push_back({ranges->integer(0), ranges->integer(1), ranges->integer(2),
                             ranges->text(3) == "rising" ? Direction::rising : Direction::falling, ranges->real(4),
                             static_cast<std::size_t>(ranges->integer(5))});
    return Status();
  }));
  auto detections = db.prepare("SELECT k FROM detections WHERE label_set = ?1 ORDER BY ordinal");
  if (!detections) return std::move(detections).error();
  detections->bind(id);
  return for_each_row(*detections, [&] { return labels.detections.push_back(detections->integer(0)), Status(); });
}

}  // namespace

Status SeriesFile::save_forecasts(std::span<const Forecast> forecasts, const std::string& point) {
  TG_REQUIRE(!forecasts.empty(), "a forecast to save");
  const std::string& column = forecasts.front().column;
  for (const Forecast& forecast : forecasts) {
    TG_REQUIRE(forecast.column == column, "forecasts of one column");
    TG_REQUIRE(forecast.k.size() == forecast.predicted.size() && forecast.k.size() == forecast.actual.size(),
               "a forecast has one prediction and one actual value per interval");
    TG_REQUIRE(forecast.interval_ns == 0 || forecast.interval_ns == interval_ns(),
               "a forecast has the interval of its series file");
  }
  auto transaction = sqlite::Transaction::begin(impl_->db);
  if (!transaction) return std::move(transaction).error();
  auto name = impl_->resolve_point(point);
  if (!name) return std::move(name).error();
  TG_TRY(run_for_column(impl_->db, "DELETE FROM forecasts WHERE point = ?1 AND \"column\" = ?2", *name, column));
  TG_TRY(run_for_column(impl_->db, "DELETE FROM label_sets WHERE point = ?1 AND \"column\" = ?2 AND source <> 'series'",
                        *name, column));
  TG_TRY(run_for_column(impl_->db, delete_scores, *name, column));
  for (const Forecast& forecast : forecasts) TG_TRY(insert_forecast(impl_->db, forecast, *name));
  return transaction->commit();
}

Expected<std::vector<Forecast>> SeriesFile::forecasts(const std::string& point) const {
  const auto snapshot = sqlite::Snapshot::take(impl_->db);
  if (!snapshot) return snapshot.error();
  auto name = impl_->resolve_point(point);
  if (!name) return std::move(name).error();
  auto select = impl_->db.prepare("SELECT forecast, model, \"column\", step FROM forecasts WHERE point = ?1 "
                                  "ORDER BY model, \"column\", step");
  if (!select) return std::move(select).error();
  select->bind(*name);
  std::vector<Forecast> all;
  TG_TRY(for_each_row(*select, [&] {
    Forecast& forecast = all.emplace_back();
    forecast.model = select->text(1);
    forecast.column = select->text(2);
    forecast.step = static_cast<std::size_t>(select->integer(3));
    forecast.interval_ns = interval_ns();
    return read_forecast_values(impl_->db, select->integer(0), forecast);
  }));
  return all;
}

Status SeriesFile::save_labels(const Labels& labels, const std::string& point, const std::string& settings_json) {
  auto transaction = sqlite::Transaction::begin(impl_->db);
  if (!transaction) return std::move(transaction).error();
  auto name = impl_->resolve_point(point);
  if (!name) return std::move(name).error();
  auto clear = impl_->db.prepare("DELETE FROM label_sets WHERE point = ?1 AND source = ?2 AND \"column\" = ?3");
  if (!clear) return std::move(clear).error();
  TG_TRY(clear->bind(*name, labels.source, labels.column).run());
  TG_TRY(run_for_column(impl_->db, delete_scores, *name, labels.column));
  auto insert = impl_->db.prepare("INSERT INTO label_sets (point, source, \"column\", settings) VALUES (?1, ?2, ?3, ?4)");
  if (!insert) return std::move(insert).error();
  TG_TRY(insert->bind(*name, labels.source, labels.column, settings_json).run());
  TG_TRY(insert_label_rows(impl_->db, impl_->db.last_insert_id(), labels));
  return transaction->commit();
}

Expected<std::vector<Labels>> SeriesFile::labels(const std::string& point) const {
  const auto snapshot = sqlite::Snapshot::take(impl_->db);
  if (!snapshot) return snapshot.error();
  auto name = impl_->resolve_point(point);
  if (!name) return std::move(name).error();
  auto select = impl_->db.prepare("SELECT label_set, source, \"column\" FROM label_sets WHERE point = ?1 "
                                  "ORDER BY source, \"column\"");
  if (!select) return std::move(select).error();
  select->bind(*name);
  std::vector<Labels> all;
  TG_TRY(for_each_row(*select, [&] {
    Labels& labels = all.emplace_back();
    labels.source = select->text(1);
    labels.column = select->text(2);
    labels.interval_ns = interval_ns();
    return read_label_rows(impl_->db, select->integer(0), labels);
  }));
  return all;
}

Expected<std::string> SeriesFile::Impl::table_point(const std::string& point) const {
  if (!point.empty()) return point;
  return db.text("SELECT iif(count(DISTINCT point) = 1, min(point), '') FROM traces");
}

Status SeriesFile::save_table(const std::string& name, const std::string& point, const std::string& json) {
  auto transaction = sqlite::Transaction::begin(impl_->db);
  if (!transaction) return std::move(transaction).error();
  auto replace = impl_->db.prepare("INSERT OR REPLACE INTO results (name, point, document) VALUES (?1, ?2, ?3)");
  if (!replace) return std::move(replace).error();
  auto owner = impl_->table_point(point);
  if (!owner) return std::move(owner).error();
  TG_TRY(replace->bind(name, *owner, json).run());
  return transaction->commit();
}

Expected<std::optional<std::string>> SeriesFile::table(const std::string& name, const std::string& point) const {
  auto select = impl_->db.prepare("SELECT document FROM results WHERE name = ?1 AND point = ?2");
  if (!select) return std::move(select).error();
  auto owner = impl_->table_point(point);
  if (!owner) return std::move(owner).error();
  auto row = select->bind(name, *owner).step();
  if (!row) return std::move(row).error();
  if (!*row) return std::optional<std::string>();
  return std::optional<std::string>(select->text(0));
}

}  // namespace tidegauge
