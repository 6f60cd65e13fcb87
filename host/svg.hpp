// Pieces of SVG that all pictures share. Text is escaped. Thread safety: pure functions.
// Tested by tests/host/report_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace tidegauge {

/// The picture's opening tag, its title and a white ground; "</svg>" is for the caller.
std::string svg_begin(const std::string& title, double width, double height);

/// At least one unit wide, so that what is short is seen.
std::string svg_rectangle(double x0, double x1, double y, double height, std::string_view colour,
                          double opacity);

/// @param anchor start, middle or end. @param more attributes as they are.
std::string svg_text(double x, double y, std::string_view anchor, std::string_view content,
                     std::string_view more = "");

}  // namespace tidegauge
