#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "host/duration.hpp"
#include "host/report_text.hpp"
#include "host/statistics/series_statistics.hpp"
#include "host/svg.hpp"

namespace tidegauge {
namespace {

constexpr double width = 1000, height = 760;
constexpr double panel_width = 500, panel_height = 360, top_margin = 40;
constexpr double left = 64, right = 480, top = 36, bottom = 304;
constexpr std::string_view ink = "#37474f", axis = "#5b6670", grid = "#e3e7ea", accent = "#d9480f", shade = "#1c7ed6";

/// Data to a panel's coordinates; logarithms are taken by the caller.
struct Frame {
  double x0, x1, y0, y1;
  double x(double v) const { return left + (v - x0) / (x1 - x0) * (right - left); }
  double y(double v) const { return bottom - (v - y0) / (y1 - y0) * (bottom - top); }
};

std::string line(double x0, double y0, double x1, double y1, std::string_view colour, double thick = 1) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"{}\"/>\n", x0, y0, x1, y1, colour, thick);
}

std::string path(const std::string& d, std::string_view colour, std::string_view fill = "none", double opacity = 1) {
  return fmt::format("<path d=\"{}\" fill=\"{}\" fill-opacity=\"{}\" stroke=\"{}\" stroke-width=\"1.2\"/>\n", d, fill, opacity, colour);
}

std::string title(const std::string& text) { return svg_text(left, 22, "start", text, "font-size=\"14\" font-weight=\"bold\""); }

std::string nothing(const std::string& heading, const std::string& why) { return title(heading) + svg_text(left, 60, "start", why); }

std::string y_tick(const Frame& f, double v, const std::string& text) {
  return line(left, f.y(v), right, f.y(v), grid) + svg_text(left - 6, f.y(v) + 4, "end", text);
}
std::string x_tick(const Frame& f, double v, const std::string& text) {
  return line(f.x(v), bottom, f.x(v), bottom + 5, axis) + svg_text(f.x(v), bottom + 18, "middle", text);
}

std::string plain_ticks(const Frame& f, int across) {
  std::string svg;
  for (const double v : number_ticks(f.y0, f.y1, 5)) svg += y_tick(f, v, tick_text(v));
  for (const double v : number_ticks(f.x0, f.x1, across)) svg += x_tick(f, v, tick_text(v));
  return svg;
}

/// Powers of ten; both scales hold their logarithms.
std::string power_ticks(double low, double high, const auto& tick) {
  std::string svg;
  const double step = std::max(1.0, std::ceil((high - low) / 6));
  for (double e = std::ceil(low); e <= high; e += step) svg += tick(e, std::fabs(e) < 4 ? tick_text(std::pow(10, e)) : fmt::format("1e{:.0f}", e));
  return svg;
}

std::string frame_lines(const std::string& below) {
  return path(fmt::format("M{0} {1}V{2}H{3}", left, top, bottom, right), axis) + svg_text((left + right) / 2, bottom + 36, "middle", below);
}

std::string distribution_panel(const SeriesStatistics& s) {
  const Histogram& h = s.histogram;
  const std::string heading = "Distribution", unit = fmt::format("{} per {}", s.column, format_duration(s.interval_ns));
  if (h.counts.empty()) return nothing(heading, "no values");
  const double range = h.high > h.low ? h.high - h.low : std::max(1.0, std::fabs(h.low));
  const double most = static_cast<double>(*std::max_element(h.counts.begin(), h.counts.end()));
  const Frame f{h.low, h.low + range, 0, most * 1.05};
  std::string svg = title(heading) + plain_ticks(f, 5);
  const double bin = range / static_cast<double>(h.counts.size());
  for (std::size_t i = 0; i < h.counts.size(); ++i) {
    const double x = h.low + bin * static_cast<double>(i), y = f.y(static_cast<double>(h.counts[i]));
    svg += svg_rectangle(f.x(x), f.x(x + bin) - 0.5, y, bottom - y, ink, 0.75);
  }
  if (s.moments.mean) svg += line(f.x(*s.moments.mean), top, f.x(*s.moments.mean), bottom, accent, 1.5) + svg_text(f.x(*s.moments.mean) + 4, top + 10, "start", "mean");
  return svg + frame_lines(unit);
}

/// Stems over a band in which they mean nothing.
/// @param band at a lag
std::string stems(const std::string& heading, const std::vector<double>& values, const auto& band) {
  if (values.size() < 2) return nothing(heading, "not defined for these values");
  const double last = static_cast<double>(values.size() - 1);
  double low = 0, high = 0;
  for (std::size_t lag = 1; lag < values.size(); ++lag) {
    low = std::min({low, values[lag], -band(lag)});
    high = std::max({high, values[lag], band(lag)});
  }
  const double margin = 0.05 * (high - low);
  const Frame f{0, last + 1, std::max(-1.05, low - margin), std::min(1.05, high + margin)};
  std::string upper, lower, lines;
  for (std::size_t lag = 1; lag < values.size(); ++lag) {
    const double x = f.x(static_cast<double>(lag));
    upper += fmt::format("{}{:.1f} {:.1f}", lag == 1 ? "M" : "L", x, f.y(std::min(f.y1, band(lag))));
    lower = fmt::format("L{:.1f} {:.1f}", x, f.y(std::max(f.y0, -band(lag)))) + lower;
    lines += line(x, f.y(0), x, f.y(values[lag]), ink, values.size() > 128 ? 1 : 1.6);
  }
  return title(heading) + plain_ticks(f, 8) + path(upper + lower + "Z", "none", shade, 0.18) + line(left, f.y(0), right, f.y(0), axis) +
         lines + frame_lines("lag in intervals; shaded: 95 % without dependence beyond");
}

std::string spectrum_panel(const SeriesStatistics& s) {
  const std::string heading = "Periodogram (longest run)";
  const auto& curve = s.spectrum.curve;
  if (curve.size() < 2) return nothing(heading, "too few values, or no noise");
  const auto power = [](double v) { return std::log10(std::max(v, 1e-300)); };
  double low = power(curve.front().background), high = low;
  for (const SpectrumPoint& p : curve) low = std::min({low, power(p.background), power(p.power)}), high = std::max({high, power(p.power), power(p.background)});
  low = std::max(low, high - 12);  // a noiseless curve would fall to rounding
  const Frame f{std::log10(curve.front().frequency), std::log10(0.5), low, high + 0.05 * (high - low) + 0.1};
  std::string powers, background;
  for (const SpectrumPoint& p : curve) {
    const char* command = powers.empty() ? "M" : "L";
    const double x = f.x(std::log10(p.frequency));
    powers += fmt::format("{}{:.1f} {:.1f}", command, x, f.y(std::max(low, power(p.power))));
    background += fmt::format("{}{:.1f} {:.1f}", command, x, f.y(std::max(low, power(p.background))));
  }
  std::string svg = title(heading);
  svg += power_ticks(f.y0, f.y1, [&](double e, const std::string& t) { return y_tick(f, e, t); });
  svg += power_ticks(f.x0, f.x1, [&](double e, const std::string& t) { return x_tick(f, e, t); });
  svg += path(powers, ink) + path(background, accent);
  double label = top - 3;  // one below the other: periods are often close
  for (const Period& p : s.spectrum.periods) {
    const double x = f.x(-std::log10(p.intervals));
    const bool near_right = x > right - 60;
    svg += line(x, top, x, bottom, shade) + svg_text(near_right ? x - 3 : x + 3, label += 13, near_right ? "end" : "start", tick_text(p.intervals));
  }
  return svg + frame_lines("cycles per interval; orange: noise around; blue: periods, in intervals");
}

std::string place(const std::string& panel, int column, int row) {
  return fmt::format("<g transform=\"translate({} {})\">\n{}</g>\n", column * panel_width, top_margin + row * panel_height, panel);
}

}  // namespace

std::string statistics_svg(const SeriesStatistics& s) {
  const Autocorrelation& a = s.autocorrelation;
  const std::string heading = fmt::format("{}: {} values of {}", plot_heading(s.column, s.point), s.values, format_duration(s.interval_ns));
  std::string svg = svg_begin(heading, width, height) + svg_text(left, 26, "start", heading, "font-size=\"16\" font-weight=\"bold\"");
  svg += place(distribution_panel(s), 0, 0) + place(spectrum_panel(s), 1, 0);
  svg += place(stems("Autocorrelation", a.acf, [&](std::size_t lag) { return a.band[lag]; }), 0, 1);
  svg += place(stems("Partial autocorrelation", a.pacf, [&](std::size_t) { return a.pacf_band; }), 1, 1);
  return svg + "</svg>\n";
}

}  // namespace tidegauge
