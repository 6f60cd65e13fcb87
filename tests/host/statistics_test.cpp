// Statistics against statsmodels, scipy and numpy (tests/golden/statistics_golden.txt), against what is known of made-up
// series, and on series that are hardly there.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "host/statistics/series_statistics.hpp"
#include "tests/host/random_series.hpp"
#include "tests/host/series_fixtures.hpp"

namespace tidegauge {
namespace {

using Golden = std::map<std::string, std::vector<double>>;

std::map<std::string, Golden> read_golden() {
  std::ifstream in(test::fs::path(TIDEGAUGE_TEST_DATA) / "golden/statistics_golden.txt");
  std::map<std::string, Golden> cases;
  std::string name;
  for (std::string text; std::getline(in, text);) {
    std::istringstream line(text);
    std::string key;
    line >> key;
    if (key == "case") line >> name;
    else
      for (double v; line >> v;) cases[name][key].push_back(v);
  }
  return cases;
}

/// Twelve digits are in the file; sums of hundreds of terms keep all but about three of double's sixteen.
void expect_near(const std::string& what, double ours, double theirs, double relative = 1e-8) {
  EXPECT_NEAR(ours, theirs, relative * std::fabs(theirs) + 1e-11) << what;
}

class AgainstGolden : public testing::Test {
 protected:
  void SetUp() override {
    cases = read_golden();
    ASSERT_EQ(cases.size(), 4u);
  }
  std::map<std::string, Golden> cases;
};

TEST_F(AgainstGolden, MomentsAndQuantiles) {
  for (auto& [name, g] : cases) {
    const Moments m = moments_of(g["x"]);
    expect_near(name + " mean", *m.mean, g["moments"][0]);
    expect_near(name + " variance", *m.variance, g["moments"][1]);
    expect_near(name + " skewness", *m.skewness, g["moments"][2]);
    expect_near(name + " kurtosis", *m.excess_kurtosis, g["moments"][3]);
    std::vector<double> sorted = g["x"];
    std::sort(sorted.begin(), sorted.end());
    std::size_t i = 0;
    for (const double p : {0.0, 0.01, 0.25, 0.5, 0.95, 1.0}) expect_near(name + " quantile", quantile(sorted, p), g["quantiles"][i++]);
  }
}

TEST_F(AgainstGolden, Trend) {
  for (auto& [name, g] : cases) {
    const auto t = trend_of(sample_of(g["x"]));
    ASSERT_TRUE(t);
    expect_near(name + " slope", t->slope_per_interval, g["trend"][0]);
    expect_near(name + " error", t->standard_error, g["trend"][1]);
    EXPECT_EQ(static_cast<double>(t->bandwidth), g["trend"][2]) << name;
    expect_near(name + " p", t->p_value, g["trend"][3], 1e-6);
  }
}

TEST_F(AgainstGolden, Stationarity) {
  for (auto& [name, g] : cases) {
    for (const bool with_trend : {false, true}) {
      const std::string suffix = with_trend ? "_trend" : "_level";
      const auto a = adf(g["x"], with_trend);
      ASSERT_TRUE(a) << name;
      expect_near(name + " ADF", a->statistic, g["adf" + suffix][0]);
      expect_near(name + " ADF p", a->p_value, g["adf" + suffix][1], 1e-6);
      EXPECT_EQ(static_cast<double>(a->lags), g["adf" + suffix][2]) << name;
      const auto k = kpss(g["x"], with_trend);
      ASSERT_TRUE(k) << name;
      expect_near(name + " KPSS", k->statistic, g["kpss" + suffix][0]);
      expect_near(name + " KPSS p", k->p_value, g["kpss" + suffix][1]);
      EXPECT_EQ(static_cast<double>(k->bandwidth), g["kpss" + suffix][2]) << name;
    }
  }
}

TEST_F(AgainstGolden, Autocorrelation) {
  for (auto& [name, g] : cases) {
    const Autocorrelation a = autocorrelation(sample_of(g["x"]), 40);
    ASSERT_EQ(a.acf.size(), 41u);
    for (std::size_t lag = 1; lag <= 40; ++lag) {
      expect_near(name + " acf", a.acf[lag], g["acf"][lag]);
      expect_near(name + " band", a.band[lag], g["acf_band"][lag]);
      expect_near(name + " pacf", a.pacf[lag], g["pacf"][lag]);
    }
  }
}

TEST_F(AgainstGolden, BoxCoxAndFisher) {
  std::size_t box_cox_cases = 0;
  for (auto& [name, g] : cases) {
    expect_near(name + " g", spectrum_of(g["x"]).fisher_g, g["fisher_g"][0]);
    if (!g.contains("box_cox")) continue;
    ++box_cox_cases;
    const auto b = box_cox(g["x"]);
    ASSERT_TRUE(b);
    EXPECT_NEAR(b->lambda, g["box_cox"][0], 1e-3) << name;  // a flat maximum
    EXPECT_NEAR(b->gain_over_identity, g["box_cox"][1], 1e-5) << name;
  }
  EXPECT_EQ(box_cox_cases, 3u);
}

TEST(Statistics, MacKinnonAtBothSidesOfTheTurn) {
  // statsmodels 0.15.0, tsa.adfvalues.mackinnonp
  const std::tuple<double, bool, double> table[] = {
      {-20, false, 0}, {-5, false, 2.2193154713956276e-05}, {-2, false, 0.28657309916843154}, {-1, false, 0.7532643012005655},
      {3, false, 1},   {-3.5, true, 0.03939102799324626},    {-2, true, 0.6014337722402741},   {0.6, true, 0.9969869777639576}};
  for (const auto& [t, trend, p] : table) EXPECT_NEAR(mackinnon_p(t, trend), p, 1e-12) << t;
}

TEST(Statistics, BartlettSumIsTheSumOverLags) {
  const std::vector<double> e = test::white_noise(57, 3);
  for (const std::size_t bandwidth : {0u, 1u, 5u, 56u, 80u}) {
    double naive = 0;
    for (std::size_t t = 0; t < e.size(); ++t)
      for (std::size_t s = 0; s < e.size(); ++s) {
        const double lag = std::fabs(static_cast<double>(t) - static_cast<double>(s));
        naive += std::max(0.0, 1 - lag / static_cast<double>(bandwidth + 1)) * e[t] * e[s];
      }
    EXPECT_NEAR(bartlett_sum(e, bandwidth), naive, 1e-9) << bandwidth;
  }
}

/// Share of seeds for which a test at 5 % rejects.
template <class Rejects>
double rejection_rate(const Rejects& rejects) {
  constexpr std::uint64_t first = 1, seeds = 200;
  std::size_t count = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) count += rejects(seed);
  std::printf("seeds %d to %d\n", static_cast<int>(first), static_cast<int>(first + seeds - 1));
  return static_cast<double>(count) / static_cast<double>(seeds);
}

TEST(Statistics, TestsRejectAsOftenAsTheySay) {
  const auto adf_p = [](double phi) {
    return [phi](std::uint64_t seed) { return adf(test::autoregression(250, phi, seed), false)->p_value < 0.05; };
  };
  const auto kpss_p = [](double phi) {
    return [phi](std::uint64_t seed) { return kpss(test::autoregression(250, phi, seed), false)->p_value < 0.05; };
  };
  // 200 seeds at 5 %: 10 rejections, standard deviation 3.1.
  EXPECT_LT(rejection_rate(adf_p(1)), 0.10);
  EXPECT_GT(rejection_rate(adf_p(0.5)), 0.95);
  EXPECT_LT(rejection_rate(kpss_p(0)), 0.10);
  EXPECT_GT(rejection_rate(kpss_p(1)), 0.80);
}

TEST(Statistics, AutoregressionIsFound) {
  const Autocorrelation a = autocorrelation(sample_of(test::autoregression(20'000, 0.8, 5)), 40);
  for (std::size_t lag = 1; lag <= 5; ++lag) EXPECT_NEAR(a.acf[lag], std::pow(0.8, lag), 0.05);  // Bartlett: sd 0.015
  EXPECT_NEAR(a.pacf[1], 0.8, 0.03);
  EXPECT_NEAR(a.pacf[2], 0, 0.03);
  EXPECT_EQ(a.order, 1u);
}

TEST(Statistics, NothingIsComputedAcrossAGap) {
  // Two runs, each alternating, out of step with each other: across the gap, or past the partial interval, lag 1 is +1.
  IntervalSeries series = test::series_of({1, -1, 1, -1, 9, 1, -1, 1, -1, 1, -1});
  series.complete[4] = 0;
  for (std::size_t i = 9; i < series.size(); ++i) series.k[i] += 5;
  const Sample sample = sample_of(series, 0);
  ASSERT_EQ(sample.runs, (std::vector<Segment>{{0, 4}, {4, 8}, {8, 10}}));
  EXPECT_EQ(sample.partial, 1u);
  EXPECT_EQ(sample.longest().size(), 4u);
  EXPECT_NEAR(autocorrelation(sample, 1).acf[1], -7.0 / 10, 1e-12);
  const Gaps gaps = find_gaps(sample);
  EXPECT_EQ(gaps.count, 2u);
  EXPECT_EQ(gaps.intervals, 6);
  EXPECT_EQ(gaps.longest, 5);
  EXPECT_EQ(gaps.longest_first_k, 9);
  EXPECT_EQ(gaps.span, 16);
  // Blocks of two: 1 - 1 in every run, and none over a border.
  EXPECT_EQ(scales_of(sample).size(), 1u);
  series.values[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(sample_of(series, 0).not_finite, 1u);
}

TEST(Statistics, ScalesOfPoissonCountsHaveDispersionOne) {
  RandomStream random(11, 1);
  std::vector<double> counts(1 << 15);
  for (double& c : counts) {
    double product = random.unit();
    for (; product > std::exp(-5.0); product *= random.unit()) ++c;
  }
  const auto scales = scales_of(sample_of(counts));
  ASSERT_GE(scales.size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    // Standard deviation of the index: sqrt(2 / blocks); four of them.
    EXPECT_NEAR(*scales[i].index_of_dispersion(), 1, 4 * std::sqrt(2.0 / static_cast<double>(scales[i].blocks)));
    EXPECT_NEAR(*scales[i].relative_noise(), 1 / std::sqrt(scales[i].mean), 0.2 / std::sqrt(scales[i].mean));
  }
}

const Suggestion& advice(const SeriesStatistics& s, const std::string& what) {
  return *std::find_if(s.suggestions.begin(), s.suggestions.end(), [&](const Suggestion& g) { return g.what == what; });
}

std::vector<double> exponentials(std::vector<double> x, double scale) {
  for (double& v : x) v = std::exp(3 + scale * v);
  return x;
}

TEST(Suggestions, FollowTheSeries) {
  const SeriesStatistics log_normal = analyse(test::series_of(exponentials(test::autoregression(4'000, 0.6, 2), 0.8)), 0);
  EXPECT_EQ(advice(log_normal, "transform").value, "log");
  EXPECT_EQ(advice(log_normal, "differencing").value, "none");
  EXPECT_NE(advice(log_normal, "interval").value, "1s");  // one value differs from the next by more than its size

  std::vector<double> walk = test::autoregression(1'000, 1, 3);
  for (double& v : walk) v += 1'000;
  const SeriesStatistics walked = analyse(test::series_of(walk), 0);
  EXPECT_EQ(advice(walked, "differencing").value, "once") << advice(walked, "differencing").reason;
  EXPECT_EQ(advice(walked, "interval").value, "1s");
  EXPECT_EQ(advice(walked, "transform").value, "none") << advice(walked, "transform").reason;

  std::vector<double> rising = test::white_noise(400, 5);
  for (std::size_t t = 0; t < rising.size(); ++t) rising[t] += 100 + 0.05 * static_cast<double>(t);
  EXPECT_EQ(advice(analyse(test::series_of(rising), 0), "differencing").value, "none, remove the trend");

  std::vector<double> seasonal = test::white_noise(2'000, 4);
  for (std::size_t t = 0; t < seasonal.size(); ++t) seasonal[t] += 100 + 5 * std::sin(static_cast<double>(t) * 2 * std::numbers::pi / 48);
  const SeriesStatistics waved = analyse(test::series_of(seasonal), 0);
  EXPECT_EQ(advice(waved, "look-back").value, "48") << advice(waved, "look-back").reason;
  EXPECT_EQ(advice(waved, "differencing").value, "seasonal, 48 intervals (48s)");
}

TEST(Suggestions, ADayIsSeenThoughThereAreFew) {
  const auto hours = [](std::vector<double> x, double swing) {
    for (std::size_t t = 0; t < x.size(); ++t) x[t] += 100 + swing * std::sin(static_cast<double>(t) * 2 * std::numbers::pi / 24);
    return analyse(test::series_of(x, 3'600'000'000'000), 0);
  };
  const SeriesStatistics days = hours(test::autoregression(24 * 3, 0.8, 12), 5);
  ASSERT_EQ(days.cycles.size(), 1u);
  EXPECT_TRUE(days.cycles[0].repeats());
  EXPECT_EQ(advice(days, "differencing").value.substr(0, 26), "seasonal, 24 intervals (1d") << advice(days, "differencing").value;
  // An hour is one interval, a week does not fit in twice; a walk has no day.
  std::size_t reports = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) reports += hours(test::autoregression(24 * 3, 1, seed), 0).cycles.at(0).repeats();
  std::printf("walks with a day, seeds 1 to 100: %zu\n", reports);
  EXPECT_LE(reports, 10u);
}

/// What is not defined is absent, and every form of output can be made.
void expect_all_forms(const SeriesStatistics& s) {
  EXPECT_EQ(s.suggestions.size(), 4u);
  EXPECT_FALSE(statistics_table(s).empty());
  const auto json = nlohmann::json::parse(statistics_json(s), nullptr, false);
  EXPECT_FALSE(json.is_discarded());
  const std::string svg = statistics_svg(s);
  EXPECT_TRUE(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
  for (const char* bad : {"nan", "inf\"", "inf "}) EXPECT_EQ(svg.find(bad), std::string::npos) << bad;
}

TEST(Statistics, SeriesThatAreHardlyThere) {
  for (std::size_t n = 0; n <= 70; n += n < 12 ? 1 : 7) {
    for (const char* kind : {"constant", "zeros", "line", "noise", "noise around zero", "huge", "one spike"}) {
      SCOPED_TRACE(fmt::format("{} of {}", kind, n));
      std::vector<double> x = test::white_noise(n, 6);
      for (std::size_t i = 0; i < n; ++i) {
        const std::string k = kind;
        if (k == "constant") x[i] = 7e9 + 0.1;
        if (k == "zeros") x[i] = 0;
        if (k == "line") x[i] = 3.3 * static_cast<double>(i) + 0.7;
        if (k == "noise") x[i] += 10;
        if (k == "huge") x[i] *= 1e150;
        if (k == "one spike") x[i] = i == n / 2;
      }
      const SeriesStatistics s = analyse(test::series_of(x), 0);
      expect_all_forms(s);
      EXPECT_EQ(s.values, n);
      EXPECT_EQ(s.moments.mean.has_value(), n > 0);
      EXPECT_EQ(s.moments.variance.has_value(), n > 1);
      const std::string k = kind;
      if (k == "constant" || k == "zeros") {
        EXPECT_FALSE(s.adf_level || s.kpss_level || s.kpss_trend || s.box_cox || s.moments.skewness);
        EXPECT_TRUE(s.autocorrelation.acf.empty());
        EXPECT_EQ(s.spectrum.values, 0u);
      }
      if (k == "line") {
        EXPECT_FALSE(s.adf_trend || s.kpss_trend);
      }
    }
  }
}

TEST(Statistics, AllGaps) {
  IntervalSeries alone = test::series_of(test::white_noise(40, 8));
  for (std::size_t i = 0; i < alone.size(); ++i) alone.k[i] *= 3;
  const SeriesStatistics s = analyse(alone, 0);
  expect_all_forms(s);
  EXPECT_EQ(s.longest_run, 1u);
  EXPECT_EQ(s.gaps.count, 39u);
  EXPECT_FALSE(s.adf_level || s.hurst_dfa);
  alone.complete.assign(alone.size(), 0);
  const SeriesStatistics none = analyse(alone, 0);
  expect_all_forms(none);
  EXPECT_EQ(none.values, 0u);
  EXPECT_EQ(none.partial, 40u);
}

TEST(Statistics, HistogramHoldsEveryValue) {
  std::vector<double> x = test::white_noise(1'000, 9);
  x.push_back(1e12);  // more bins of Freedman and Diaconis than there can be
  std::sort(x.begin(), x.end());
  const Histogram h = histogram_of(x);
  EXPECT_EQ(h.counts.size(), 100u);
  std::size_t all = 0;
  for (const std::size_t c : h.counts) all += c;
  EXPECT_EQ(all, x.size());
  EXPECT_EQ(h.counts.back(), 1u);
}

}  // namespace
}  // namespace tidegauge
