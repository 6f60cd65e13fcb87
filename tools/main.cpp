// The tidegauge command: parses, runs one verb, and turns its Status into words and an exit status
// (0 done, 1 failed, 2 wrong usage, 3 strict mode met damage).
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <new>
#include <set>

#include "host/mistakes.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {

std::vector<Verb>& verbs() {
  static std::vector<Verb> table;
  return table;
}

namespace {

int report(const Status& status) {
  if (status) return 0;
  log(LogLevel::error, status.error().message());
  return static_cast<int>(status.error().kind);
}

/// Everything that is wrong with a verb's options; CLI11 itself stops at the first. In its own words.
Mistakes wrong_options(CLI::App& verb) {
  Mistakes mistakes;
  const auto add = [&](const CLI::ParseError& e) { mistakes.add({e.what(), "", "", ErrorKind::usage}); };
  std::set<const CLI::Option*> before;  // each of two that exclude one another does so
  for (CLI::Option* option : verb.get_options()) {
    if (option->count() == 0) {
      if (option->get_required()) add(CLI::RequiredError(option->get_name()));
      continue;
    }
    try {
      option->run_callback();
    } catch (const CLI::ParseError& e) {
      add(e);
    }
    for (const CLI::Option* needed : option->get_needs())
      if (needed->count() == 0) add(CLI::RequiresError(option->get_name(), needed->get_name()));
    for (const CLI::Option* excluded : option->get_excludes())
      if (before.contains(excluded)) add(CLI::ExcludesError(option->get_name(), excluded->get_name()));
    before.insert(option);
  }
  const std::vector<std::string> unknown = verb.remaining();
  const auto is_option = [](const std::string& word) { return word.starts_with('-'); };
  const bool any_option = std::ranges::any_of(unknown, is_option);  // then other words may be meant as its value
  for (const std::string& word : unknown) {
    if (is_option(word)) mistakes.add({"there is no option " + word, "", "", ErrorKind::usage});
    else if (!any_option) mistakes.add({"'" + word + "' is one word too many", "", "", ErrorKind::usage});
  }
  return mistakes;
}

/// @param first  what stands where a verb should
Error wrong_usage(const CLI::App& app, const CLI::ParseError& e, const std::string& first) {
  const auto chosen = app.get_subcommands();
  if (!chosen.empty()) {
    Error error{e.what(), "", "", ErrorKind::usage};
    const bool read_to_the_end = dynamic_cast<const CLI::ArgumentMismatch*>(&e) == nullptr;
    if (read_to_the_end)
      if (const Status all = wrong_options(*chosen.front()).status(); !all) error = all.error();
    error.remedy = "tidegauge " + chosen.front()->get_name() + " --help";
    return error;
  }
  std::string names;
  for (const Verb& verb : verbs()) names += (names.empty() ? "" : ", ") + verb.name;
  const bool is_option = first.starts_with('-');
  return {first.empty() || is_option ? "a verb is needed first" : "there is no verb '" + first + "'", "", "tidegauge --help; one of: " + names, ErrorKind::usage};
}

int run(int argc, char** argv) {
  CLI::App app{"Turns packet traces into interval series, learns their rhythm, and labels what exceeds it."};
  app.name("tidegauge");
  app.set_version_flag("--version", "tidegauge " TIDEGAUGE_VERSION);
  app.require_subcommand(1);
  CommonOptions common;
  std::function<Status()> chosen;

  auto& table = verbs();
  std::sort(table.begin(), table.end(), [](const Verb& a, const Verb& b) { return a.order < b.order; });
  for (const Verb& verb : table) {
    CLI::App* sub = app.add_subcommand(verb.name, verb.summary);
    sub->footer("Example:\n  " + verb.example);
    sub->add_flag("--json", common.json, "Results as JSON on stdout");
    sub->add_flag("--quiet", common.quiet, "No progress and no remarks");
    auto work = verb.setup(*sub, common);
    sub->callback([&chosen, work] { chosen = work; });
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    return report(wrong_usage(app, e, argc > 1 ? argv[1] : ""));
  }
  set_quiet(common.quiet);
  const int code = report(chosen());
  // A full disk behind stdout shows only here.
  if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && code == 0)
    return report(Error{"the results cannot be written", "stdout", "check the space on the disk"});
  return code;
}

}  // namespace
}  // namespace tidegauge

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow further (ulimit -f) is an error like a full disk
  try {
    return tidegauge::run(argc, argv);
  } catch (const std::bad_alloc&) {
    const tidegauge::Error error{"there is not enough memory", "", "fewer threads, a longer --interval, or a part at a time"};
    tidegauge::log(tidegauge::LogLevel::error, error.message());
    return 1;
  } catch (const std::exception& e) {  // a library's exception that no code of ours expected
    tidegauge::log(tidegauge::LogLevel::error, std::string("unexpected: ") + e.what());
    return 1;
  }
}
