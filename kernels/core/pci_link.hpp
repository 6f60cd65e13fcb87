// How a card is connected, as Linux tells it: lanes and speed of its PCIe link. What a copy to the card can reach is lanes
// times speed, and a card in a slot with fewer lanes is slow for no visible reason.
// Source: Documentation/ABI/testing/sysfs-bus-pci of the Linux kernel. Tested by tests/kernels/pci_link_test.cpp.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tidegauge {

struct PciLink {
  int lanes = 0, most_lanes = 0;  ///< now, and what the card is made for
  std::string speed, best_speed;  ///< such as "32.0 GT/s PCIe"; an idle card lowers its own
};

/// Of the device at an address such as "0000:3b:00.0"; none where the system does not say (a container, WSL).
std::optional<PciLink> read_pci_link(std::string_view address,
                                     const std::filesystem::path& devices = "/sys/bus/pci/devices");

}  // namespace tidegauge
