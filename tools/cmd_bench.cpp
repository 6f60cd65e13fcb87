// tidegauge bench: runs a benchmark program of this build, which checks its answer first and prints rates
// beside what bounds them. They are programs of their own because they link the peers that they are held
// against.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct BenchOptions {
  std::string name = "ingest";
  std::vector<std::string> arguments;
};

/// In a build tree bench/ lies beside the command's folder; elsewhere the programs may lie beside the
/// command.
Expected<std::string> program_of(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  const std::string file = name + "_bench";
  for (const fs::path& path : {folder.parent_path() / "bench" / file, folder / file})
    if (::access(path.c_str(), X_OK) == 0) return path.string();
  return Error{"there is no benchmark of this name in this build", name,
               "accuracy, ingest, lstm or gpu, from a build with -DTIDEGAUGE_BUILD_BENCH=ON (gpu: where nvcc was found)", ErrorKind::usage};
}

Status bench(const BenchOptions& options) {
  if (options.name.find('/') != std::string::npos)
    return Error{"a benchmark has a name, not a path", options.name, "accuracy, ingest, lstm or gpu", ErrorKind::usage};
  auto program = program_of(options.name);
  if (!program) return std::move(program).error();
  std::vector<const char*> words{program->c_str()};
  for (const std::string& argument : options.arguments) words.push_back(argument.c_str());
  words.push_back(nullptr);
  ::execv(program->c_str(), const_cast<char* const*>(words.data()));
  return Error{std::string("cannot be started: ") + std::strerror(errno), *program, ""};
}

const VerbRegistration registration({
    190,
    "bench",
    "Rates of this build on this machine, beside what bounds them and beside the peers found here",
    "tidegauge bench ingest -- --records 20",
    [](CLI::App& app, const CommonOptions&) {
      auto options = std::make_shared<BenchOptions>();
      app.add_option("name", options->name, "ingest (captures to counters), lstm, accuracy (detectors and forecasts on data sets of others),\n"
                     "or gpu (a card beside its limits and this CPU)")->capture_default_str();
      app.add_option("arguments", options->arguments,
                     "For the benchmark, behind --: such as --records 20, --rounds 9, --data DIR");
      return [options] { return bench(*options); };
    },
});

}  // namespace
}  // namespace tidegauge
