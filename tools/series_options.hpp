// The options that every verb on a series file shares: which file, point and stretch, and the device.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "host/mistakes.hpp"
#include "host/store.hpp"
#include "host/time_text.hpp"
#include "kernels/core/backend.hpp"
#include "tools/log.hpp"

namespace tidegauge {

struct SeriesOptions {
  std::string path, point, since, until;

  void declare(CLI::App& app) {
    app.add_option("series", path, "The series file")->required();
    app.add_option("--point", point, "Observation point, needed where there are several");
    app.add_option("--since", since, "First time, such as 2016-01-09T14:00:00 (UTC) or @1452315600");
    app.add_option("--until", until, "Time before which to end");
  }

  Expected<SeriesFile::Query> query() const {
    SeriesFile::Query q;
    Mistakes mistakes;
    q.point = point;
    for (const auto& [text, bound, flag] :
         {std::tuple{&since, &q.from_ns, "--since"}, std::tuple{&until, &q.to_ns, "--until"}}) {
      if (text->empty()) continue;
      auto time = parse_time(*text, flag);
      mistakes.add(time);
      if (time) *bound = *time;
    }
    if (q.from_ns && q.to_ns && *q.from_ns >= *q.to_ns)
      mistakes.add({"the end of the stretch is not after its beginning", "--until", "a time after --since", ErrorKind::usage});
    TG_TRY(mistakes.status());
    return q;
  }
};

struct DeviceOptions {
  std::string request = "auto";
  std::size_t threads = 0;

  void declare(CLI::App& app) {
    app.add_option("--device", request, "auto, cpu, cuda or cuda:N")->capture_default_str();
    app.add_option("--threads", threads, "Threads of the CPU (default: all cores); results do not depend on it");
  }

  /// The backend; what was chosen and why goes to stderr.
  Expected<std::unique_ptr<Backend>> choose() const {
    auto choice = choose_device(request, threads);
    if (!choice) return std::move(choice).error();
    remark(choice->why);
    return std::move(choice->backend);
  }
};

}  // namespace tidegauge
