#include "host/model_series.hpp"

namespace tidegauge {

Expected<IntervalSeries> read_one_column(const SeriesFile& file, SeriesFile::Query query, std::string& column) {
  if (column.empty()) {
    query.columns = {"value"};
    auto imported = file.read(query);
    column = imported ? "value" : "bytes";
    if (imported) return imported;
  }
  query.columns = {column};
  return file.read(query);
}

Expected<IntervalSeries> read_model_series(const SeriesFile& file, SeriesFile::Query query, TrainSettings& settings) {
  if (settings.column.empty() || settings.extra_columns.empty()) {
    auto one = read_one_column(file, query, settings.column);
    if (!one || settings.extra_columns.empty()) return one;
  }
  query.columns = settings.columns();
  return file.read(query);
}

}  // namespace tidegauge
