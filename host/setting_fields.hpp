// The settings of training and labelling as fields of a SettingTable: one list serves `train`, `label`, `run` and the
// settings file (sections [train] and [label]). Keys are those of a model file's JSON.
// Thread safety: pure functions. Tested by tests/host/train_settings_test.cpp.
#pragma once

#include "host/labeller.hpp"
#include "host/settings.hpp"
#include "host/train_settings.hpp"

namespace tidegauge {

/// `target` must outlive the table.
void add_train_fields(SettingTable& table, TrainSettings& target);
void add_label_fields(SettingTable& table, LabelSettings& target);

}  // namespace tidegauge
