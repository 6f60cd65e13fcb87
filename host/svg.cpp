#include "host/svg.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/report_text.hpp"

namespace tidegauge {

std::string svg_begin(const std::string& title, double width, double height) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "role=\"img\" "
      "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"#1d2327\">\n"
      "<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
      width, height, escape_html(title));
}

std::string svg_rectangle(double x0, double x1, double y, double height, std::string_view colour,
                          double opacity) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\" "
      "fill-opacity=\"{}\"/>\n",
      x0, y, std::max(1.0, x1 - x0), height, colour, opacity);
}

std::string svg_text(double x, double y, std::string_view anchor, std::string_view content,
                     std::string_view more) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}{}>{}</text>\n", x, y, anchor,
                     more.empty() ? "" : " ", more, escape_html(content));
}

}  // namespace tidegauge
