#include "host/keyed_model_file.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

namespace tidegauge {

using nlohmann::json;

namespace {

constexpr int format_version = 1;

std::string description_entry(const std::string& key) { return std::string(model_entry) + ":" + key; }
std::string prefix_of(const std::string& key) { return key + "/"; }

Expected<KeyedModel> read_one(const TensorFile& file, const json& entry) {
  KeyedModel one{entry.at("key").get<std::string>(), {}, entry.at("diverged").get<bool>()};
  const auto description = file.metadata.find(description_entry(one.key));
  if (description == file.metadata.end()) return Error{fmt::format("key {} has no settings", one.key), "", ""};
  auto model = take_model(file, description->second, prefix_of(one.key));
  if (!model) return Error{fmt::format("key {}: {}", one.key, model.error().what), "", model.error().remedy};
  one.model = *std::move(model);
  return one;
}

/// A wrong type or a missing member of the list throws json::exception.
Expected<KeyedModels> read_all(const TensorFile& file, const json& list) {
  if (list.at("format").get<int>() != format_version)
    return Error{fmt::format("format {} of models by key (this version reads {})", list.at("format").get<int>(),
                             format_version), "", "a newer tidegauge"};
  KeyedModels all{list.at("kind").get<std::string>(), {}};
  std::set<std::string> seen;
  for (const json& entry : list.at("keys")) {
    auto one = read_one(file, entry);
    if (!one) return one.error();
    if (!seen.insert(one->key).second) return Error{fmt::format("key {} is there twice", one->key), "", ""};
    all.models.push_back(*std::move(one));
  }
  return all;
}

Expected<KeyedModels> read_list(const TensorFile& file) {
  const auto entry = file.metadata.find(keyed_models_entry);
  if (entry == file.metadata.end())
    return Error{"it does not hold models by key", "", "the file that train --by-key wrote"};
  const json list = json::parse(entry->second, nullptr, false);
  if (!list.is_object()) return Error{"the list of keys is not JSON", "", ""};
  try {
    return read_all(file, list);
  } catch (const json::exception& e) {
    return Error{fmt::format("the list of keys is incomplete: {}", e.what()), "", ""};
  }
}

}  // namespace

Status save_keyed_models(const std::string& path, const KeyedModels& all) {
  TensorFile file;
  file.metadata["format"] = "pt";
  json keys = json::array();
  for (const KeyedModel& one : all.models) {
    file.metadata[description_entry(one.key)] = put_model(file, one.model, prefix_of(one.key));
    keys.push_back({{"key", one.key}, {"diverged", one.diverged}});
  }
  file.metadata[keyed_models_entry] = json{{"format", format_version}, {"kind", all.kind}, {"keys", keys}}.dump();
  return write_safetensors(path, file);
}

Expected<KeyedModels> load_keyed_models(const std::string& path) {
  auto file = read_safetensors(path);
  if (!file) return file.error();
  auto all = read_list(*file);
  return all ? std::move(all) : unusable_model(all.error(), path);
}

Expected<std::variant<Model, KeyedModels>> load_any_models(const std::string& path) {
  using Any = std::variant<Model, KeyedModels>;
  auto file = read_safetensors(path);
  if (!file) return file.error();
  const auto any = [&](auto models) -> Expected<Any> {
    return models ? Expected<Any>(*std::move(models)) : unusable_model(models.error(), path);
  };
  return file->metadata.contains(keyed_models_entry) ? any(read_list(*file)) : any(read_model(*file));
}

}  // namespace tidegauge
