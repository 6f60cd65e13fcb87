#include "bench/forecast_data.hpp"

#include <filesystem>
#include <limits>

#include "host/csv_import.hpp"

namespace tidegauge {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

struct KnownFile {
  const char *name, *path;
  std::int64_t interval_s;
  CsvOptions table;
  std::vector<std::size_t> horizons;
  std::vector<PublishedError> published;
};

/// Leipzig: SaifNOUMA/Network-Traffic-Prediction, the best of 6,491 configurations at each horizon.
std::vector<KnownFile> known_files() {
  const CsvOptions lines{.time_column = "none"};
  return {
      {"Leipzig II, 60 s",
       "leipzig2_bytes_60s.txt",
       60,
       lines,
       {1, 5, 10, 20},
       {{1, 3.06, "GRU"}, {5, 4.48, "LSTM"}, {10, 5.46, "LSTM"}, {20, 6.77, "LSTM"}}},
      {"ISP EU, 5 min", "isp_5min/it_eu_5m.csv", 300, {}, {1, 6, 12}, {}},
      {"ISP UK, 5 min", "isp_5min/it_uk_5m.csv", 300, {}, {1, 6, 12}, {}},
      {"ISP EU, 1 h", "isp_5min/internet-traffic-data-in-bits-fr_hourly_EU.csv", 3600, {}, {1, 6, 12}, {}},
      {"ISP UK, 1 h", "isp_5min/internet-traffic-data-in-bits-fr_hourly_UK.csv", 3600, lines, {1, 6, 12}, {}},
      {"MAWI 2016-01-09, 5 s", "mawi_5s/clean_dataset_20160109.csv", 5, {}, {1}, {}},
      {"MAWI, the other day, 5 s", "mawi_5s/clean_dataset_5_sec_windows.csv", 5, {}, {1}, {}}};
}

ForecastDataset as_dataset(const KnownFile& file, const CsvSeries& series) {
  ForecastDataset dataset{.name = file.name,
                          .time = {file.interval_s * second_ns, series.k.front()},
                          .values = {},
                          .horizons = file.horizons,
                          .published = file.published};
  dataset.values.assign(static_cast<std::size_t>(series.k.back() - series.k.front() + 1),
                        std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < series.k.size(); ++i)
    dataset.values[static_cast<std::size_t>(series.k[i] - series.k.front())] = series.values[i];
  return dataset;
}

}  // namespace

Expected<std::vector<ForecastDataset>> read_forecast_data(const std::string& folder) {
  std::vector<ForecastDataset> datasets;
  for (const KnownFile& file : known_files()) {
    const std::string path = folder + "/" + file.path;
    if (!std::filesystem::exists(path)) continue;
    const auto series = read_csv_series(path, file.interval_s * second_ns, file.table);
    if (!series) return series.error();
    if (series->k.empty()) return Error{"holds no values", path, ""};
    datasets.push_back(as_dataset(file, *series));
  }
  return datasets;
}

}  // namespace tidegauge
