// The files of a report page, put into the program by the build: dygraphs from Debian's libjs-dygraphs, and
// ours from host/report_assets.
#pragma once

namespace tidegauge {
extern const char* const report_dygraphs_js;
extern const char* const report_dygraphs_css;
extern const char* const report_dygraphs_license;
extern const char* const report_page_js;
extern const char* const report_page_css;
}  // namespace tidegauge
