// The captures that a job is given: files by name, folders (every capture under them), patterns that no shell has expanded, and
// lists of names in a file. Folders and patterns give their captures in the order of their names; what a folder holds besides
// captures is left out, and told. Unfinished downloads (.part) and hidden files are never captures.
// Cost: a look at the first block of each file in a folder. Thread safety: pure functions of the file system.
// Tested by tests/host/find_captures_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

struct FoundCaptures {
  std::vector<std::string> paths;     ///< each once, but for "-"; what was named and is not there stands here too
  std::vector<std::string> left_out;  ///< files in folders that begin like no capture
};

/// An error for a folder that cannot be read, one without captures, and a pattern that nothing matches.
Expected<FoundCaptures> find_captures(const std::vector<std::string>& named);

/// Regular files in a folder and the folders in it, by name; without hidden ones and unfinished downloads. Links to files are
/// followed, links to folders are not: they may lead round in circles.
Expected<std::vector<std::string>> files_under(const std::string& folder);
/// Whether a file begins as a capture, or one of CAIDA's .pcap.stats, does.
bool is_capture(const std::string& path);

/// The lines of a file ("-": standard input) that are not empty.
Expected<std::vector<std::string>> read_name_list(const std::string& path);

/// "12 files are no captures: a.txt, b.md, c.csv and others"; empty where none was left out.
std::string left_out_words(const FoundCaptures& found);

}  // namespace tidegauge
