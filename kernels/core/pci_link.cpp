#include "kernels/core/pci_link.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>

namespace tidegauge {

std::optional<PciLink> read_pci_link(std::string_view address, const std::filesystem::path& devices) {
  std::string folder(address);  // CUDA writes capitals, sysfs does not
  std::transform(folder.begin(), folder.end(), folder.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto lanes = [&](const char* name) {
    int number = 0;
    std::ifstream(devices / folder / name) >> number;
    return number;
  };
  const auto speed = [&](const char* name) {
    std::string line;
    std::ifstream in(devices / folder / name);
    std::getline(in, line);
    return line;
  };
  PciLink link{lanes("current_link_width"), lanes("max_link_width"), speed("current_link_speed"), speed("max_link_speed")};
  if (link.lanes <= 0 || link.most_lanes <= 0) return std::nullopt;
  return link;
}

}  // namespace tidegauge
