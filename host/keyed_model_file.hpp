// The models of many keys (`train --by-key`) in one safetensors file. Each is what model_file.hpp describes, with the key
// and a slash before every tensor's name and its description under "tidegauge:<key>" in the metadata, so that in Python
//   {n.removeprefix("443/"): w for n, w in weights.items() if n.startswith("443/")}
// is one model's file. The metadata entry "tidegauge_by_key" lists the keys in their order; a file of one model has none.
// A checkpoint is the same file with models that are not finished.
// Cost: one file. Thread safety: values. Tested by tests/host/keyed_trainer_test.cpp.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "host/model_file.hpp"

namespace tidegauge {

struct KeyedModel {
  std::string key;        ///< such as "443"
  Model model;
  bool diverged = false;  ///< its training ended in a loss that was no number; the model is the best before that
};

struct KeyedModels {
  std::string kind;  ///< what the series was counted by, such as "dport"
  std::vector<KeyedModel> models;
};

Status save_keyed_models(const std::string& path, const KeyedModels& models);
Expected<KeyedModels> load_keyed_models(const std::string& path);
/// What `train` wrote, with --by-key or without.
Expected<std::variant<Model, KeyedModels>> load_any_models(const std::string& path);

}  // namespace tidegauge
