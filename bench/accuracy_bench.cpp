// How well the defaults detect and forecast, on data sets of others: tidegauge bench accuracy -- --data DIR [--json]
//   [--only-nab | --only-forecasts] [--seeds N] [--rehearse]
// NAB (DIR/NAB): every detector of nab_detectors.hpp with NAB's own scorer (host/nab_score.hpp).
//   How settings are chosen: for each file, those of the detector's grid with the best standard score, at their fixed
//   threshold, on all files of artificial*, realAdExchange and realTraffic but this one. Files of other groups do not choose.
//   `fixed`: that threshold as it is. `optimised`: NAB's own figure, one threshold for all files, chosen on what is scored.
//   The released default (DetectorSettings{}) and its ablations take no part in choosing.
// Forecasts (DIR/leipzig2_bytes_60s.txt, DIR/isp_5min, DIR/mawi_5s): forecast_table.hpp. --rehearse does the same within the
//   training parts, whose last fifths are scored instead: there models are designed, without a look at what counts.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/forecast_table.hpp"
#include "bench/nab_detectors.hpp"

namespace {

using namespace tidegauge;

struct Corpus {
  std::vector<NabSeries> files;
  std::vector<NabErrors> models;  ///< of each file
};

bool chooses(const NabSeries& file) {
  return file.group.starts_with("artificial") || file.group == "realAdExchange" || file.group == "realTraffic";
}

/// The three profiles at the fixed and at the optimised threshold.
struct Figures {
  std::array<double, 3> fixed, optimised;
};

/// A detector's scores of every file with the settings chosen for it.
struct Detected {
  std::vector<NabFile> at_limit;  ///< divided by the limit
  std::vector<NabFile> plain;
  std::map<std::string, int> chosen;  ///< settings, and for how many files
};

Detected detect(const NabDetector& detector, const Corpus& corpus) {
  const std::size_t files = corpus.files.size(), candidates = detector.candidates.size();
  std::vector<std::vector<NabFile>> scored(candidates);
  std::vector<std::vector<double>> raw(candidates);
  std::vector<double> total(candidates, 0);
  for (std::size_t c = 0; c < candidates; ++c) {
    const NabCandidate& candidate = detector.candidates[c];
    for (std::size_t f = 0; f < files; ++f) {
      scored[c].push_back({candidate.scores(corpus.files[f], corpus.models[f]), corpus.files[f].windows});
      raw[c].push_back(nab_score({&scored[c][f], 1}, candidate.limit, nab_profiles[0]).raw);
      if (chooses(corpus.files[f])) total[c] += raw[c][f];
    }
  }
  Detected detected;
  for (std::size_t f = 0; f < files; ++f) {
    std::size_t best = 0;
    const auto others = [&](std::size_t c) { return total[c] - (chooses(corpus.files[f]) ? raw[c][f] : 0); };
    for (std::size_t c = 1; c < candidates; ++c)
      if (others(c) > others(best)) best = c;
    ++detected.chosen[detector.candidates[best].settings];
    detected.plain.push_back(scored[best][f]);
    detected.at_limit.push_back(scored[best][f]);
    for (double& score : detected.at_limit.back().scores) score /= detector.candidates[best].limit;
  }
  return detected;
}

Figures figures_of(const Detected& detected, const std::vector<std::size_t>& rows) {
  std::vector<NabFile> plain, at_limit;
  for (const std::size_t f : rows) {
    plain.push_back(detected.plain[f]);
    at_limit.push_back(detected.at_limit[f]);
  }
  Figures figures{};
  for (std::size_t p = 0; p < nab_profiles.size(); ++p) {
    figures.fixed[p] = nab_score(at_limit, 1, nab_profiles[p]).normalised;
    figures.optimised[p] = nab_optimum(plain, nab_profiles[p]).score.normalised;
  }
  return figures;
}

/// Files that are shown together.
struct Part {
  std::string name;
  std::vector<std::size_t> files;
};

std::vector<Part> parts_of(const Corpus& corpus) {
  Part choosing{"NAB: artificial*, realAdExchange, realTraffic", {}}, others{"NAB: other groups", {}}, all{"NAB", {}};
  for (std::size_t f = 0; f < corpus.files.size(); ++f) {
    (chooses(corpus.files[f]) ? choosing : others).files.push_back(f);
    all.files.push_back(f);
  }
  if (others.files.empty()) return {choosing};
  return {choosing, others, all};
}

void print_line(const std::string& words, const Figures& f) {
  fmt::print("  {:<52} {:6.1f} {:6.1f} {:6.1f}   {:6.1f} {:6.1f} {:6.1f}\n", words, f.fixed[0], f.fixed[1], f.fixed[2],
             f.optimised[0], f.optimised[1], f.optimised[2]);
}

void print_head(const std::string& title) {
  fmt::print("{}\n  {:<52} {:^20}   {:^20}\n  {:<52} {:>6} {:>6} {:>6}   {:>6} {:>6} {:>6}\n", title, "", "fixed threshold",
             "optimised threshold", "", "std", "lowFP", "lowFN", "std", "lowFP", "lowFN");
}

std::string words_of(const std::map<std::string, int>& chosen) {
  std::string words;
  for (const auto& [settings, files] : chosen) words += fmt::format("{}{} ({})", words.empty() ? "" : "; ", settings, files);
  return words;
}

void add_rows(nlohmann::json& rows, const Part& part, const std::vector<std::pair<std::string, Figures>>& columns) {
  for (const bool fixed : {true, false})
    for (std::size_t p = 0; p < nab_profiles.size(); ++p) {
      nlohmann::json row{{"dataset", part.name}, {"files", part.files.size()},
                         {"metric", fmt::format("{}, {} threshold", nab_profiles[p].name, fixed ? "fixed" : "optimised")}};
      for (const auto& [key, f] : columns) row[key] = fixed ? f.fixed[p] : f.optimised[p];
      rows.push_back(std::move(row));
    }
}

/// Detectors with chosen settings, the released default, and what its parts contribute.
void report_nab(nlohmann::json& rows, const Corpus& corpus, bool json) {
  std::vector<std::pair<NabDetector, Detected>> compared, ablations;
  for (NabDetector& d : nab_detectors()) compared.emplace_back(d, detect(d, corpus));
  for (NabDetector& d : nab_ablations()) ablations.emplace_back(d, detect(d, corpus));
  for (const Part& part : parts_of(corpus)) {
    std::vector<std::pair<std::string, Figures>> columns;
    for (const auto& [detector, detected] : compared) columns.emplace_back(detector.key, figures_of(detected, part.files));
    columns.emplace_back("released_default", figures_of(ablations.front().second, part.files));
    add_rows(rows, part, columns);
    if (json) continue;
    print_head(fmt::format("{} ({} files), settings chosen without the file that is scored", part.name, part.files.size()));
    for (std::size_t i = 0; i < compared.size(); ++i) print_line(compared[i].first.words, columns[i].second);
    print_head("the released default, and what is left of it");
    for (const auto& [detector, detected] : ablations) print_line(detector.words, figures_of(detected, part.files));
  }
  if (json) return;
  fmt::print("settings chosen (for how many files)\n");
  for (const auto& [detector, detected] : compared) fmt::print("  {}: {}\n", detector.words, words_of(detected.chosen));
}

Expected<Corpus> prepare_nab(const std::string& folder) {
  auto files = read_nab(folder);
  if (!files) return std::move(files).error();
  Corpus corpus{std::move(*files), {}};
  for (const NabSeries& file : corpus.files) {
    auto errors = model_errors(file);
    if (!errors) return Error{errors.error().what, file.name + ": " + errors.error().where, errors.error().remedy};
    corpus.models.push_back(std::move(*errors));
  }
  return corpus;
}

int fail(const std::string& words) {
  fmt::print(stderr, "accuracy_bench: {}\n", words);
  return 2;
}

int fail(const Error& error) { return fail(fmt::format("{}: {}", error.where, error.what)); }

struct AccuracyOptions {
  std::string data;
  bool json = false, nab = true, forecasts = true, rehearse = false;
  std::size_t seeds = 5;
};

/// @return what is wrong with them.
std::string parse_options(AccuracyOptions& options, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") options.json = true;
    else if (argument == "--only-nab") options.forecasts = false;
    else if (argument == "--only-forecasts") options.nab = false;
    else if (argument == "--rehearse") options.rehearse = true, options.nab = false;
    else if (argument == "--seeds" && i + 1 < argc) options.seeds = static_cast<std::size_t>(std::atoi(argv[++i]));
    else if (argument == "--data" && i + 1 < argc) options.data = argv[++i];
    else return "there is no option " + argument + ": --data DIR, --json, --only-nab, --only-forecasts, --rehearse, --seeds N";
  }
  return options.data.empty() ? "--data DIR is needed, a folder of data sets" : "";
}

}  // namespace

int main(int argc, char** argv) {
  AccuracyOptions options;
  if (const std::string wrong = parse_options(options, argc, argv); !wrong.empty()) return fail(wrong);
  nlohmann::json rows = nlohmann::json::array();
  auto datasets = read_forecast_data(options.data);
  if (!datasets) return fail(datasets.error());
  if (options.rehearse)
    for (ForecastDataset& d : *datasets) d.values.resize(d.first_scored());
  const bool have_nab = std::filesystem::exists(options.data + "/NAB");
  if (!have_nab && datasets->empty()) return fail(options.data + " holds no data set that is known: NAB, leipzig2_bytes_60s.txt, isp_5min, mawi_5s");
  if (options.forecasts)
    if (const Status done = report_forecasts(rows, *datasets, {.seeds = options.seeds, .json = options.json}); !done) return fail(done.error());
  if (options.nab && have_nab) {
    const auto corpus = prepare_nab(options.data + "/NAB");
    if (!corpus) return fail(corpus.error());
    report_nab(rows, *corpus, options.json);
  }
  if (options.json) fmt::print("{}\n", rows.dump(2));
  return 0;
}
