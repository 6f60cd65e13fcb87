// tidegauge doctor: what this machine offers, what is missing for more, and which device a request would get.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "kernels/core/backend.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

std::string as_table(const std::vector<DeviceFinding>& findings) {
  std::size_t width = 0;
  for (const DeviceFinding& finding : findings) width = std::max(width, finding.item.size());
  std::string text;
  for (const DeviceFinding& finding : findings) {
    text += fmt::format("{}  {:<{}}  {}\n", finding.ok ? "yes" : " no", finding.item, width, finding.state);
    if (!finding.remedy.empty()) text += fmt::format("     {:<{}}  -> {}\n", "", width, finding.remedy);
  }
  return text;
}

nlohmann::json as_json(const std::vector<DeviceFinding>& findings, const Expected<DeviceChoice>& choice,
                       const std::string& request) {
  nlohmann::json list = nlohmann::json::array();
  for (const DeviceFinding& finding : findings)
    list.push_back(
        {{"item", finding.item}, {"state", finding.state}, {"remedy", finding.remedy}, {"ok", finding.ok}});
  nlohmann::json device{{"request", request}};
  if (choice) {
    device["name"] = choice->backend->name();
    device["why"] = choice->why;
  } else {
    device["error"] = choice.error().message();
  }
  return {{"findings", list}, {"device", device}};
}

Status examine(const std::string& request, bool json) {
  auto choice = choose_device(request);
  if (!choice && choice.error().kind == ErrorKind::usage) return choice.error();
  const auto findings = inspect_devices();
  if (json) {
    fmt::print("{}\n", as_json(findings, choice, request).dump(2));
  } else {
    std::fputs(as_table(findings).c_str(), stdout);
    if (choice) fmt::print("\n{}\n", choice->why);
  }
  if (!choice) return choice.error();
  return {};
}

const VerbRegistration registration({
    200,
    "doctor",
    "What this machine offers, what is missing for more, and which device is chosen",
    "tidegauge doctor --device cuda",
    [](CLI::App& app, const CommonOptions& common) -> std::function<Status()> {
      auto request = std::make_shared<std::string>("auto");
      app.add_option("--device", *request, "auto, cpu, cuda or cuda:N")->capture_default_str();
      return [request, &common] { return examine(*request, common.json); };
    },
});

}  // namespace
}  // namespace tidegauge
