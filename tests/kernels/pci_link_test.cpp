#include "kernels/core/pci_link.hpp"

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(PciLink, SaysWhatTheSystemSays) {
  const test::ScratchFolder devices;
  std::filesystem::create_directory(devices / "0000:3b:00.0");
  test::write_text(devices / "0000:3b:00.0/current_link_width", "8\n");
  test::write_text(devices / "0000:3b:00.0/max_link_width", "16\n");
  test::write_text(devices / "0000:3b:00.0/current_link_speed", "2.5 GT/s PCIe\n");
  test::write_text(devices / "0000:3b:00.0/max_link_speed", "32.0 GT/s PCIe\n");
  const auto link = read_pci_link("0000:3B:00.0", devices.path());
  ASSERT_TRUE(link);
  EXPECT_EQ(link->lanes, 8);
  EXPECT_EQ(link->most_lanes, 16);
  EXPECT_EQ(link->speed, "2.5 GT/s PCIe");
  EXPECT_EQ(link->best_speed, "32.0 GT/s PCIe");
}

TEST(PciLink, NoneWhereTheSystemDoesNotSay) {
  const test::ScratchFolder devices;
  EXPECT_FALSE(read_pci_link("0000:3b:00.0", devices.path()));
  std::filesystem::create_directory(devices / "0000:3b:00.0");
  test::write_text(devices / "0000:3b:00.0/current_link_width", "0\n");  // a virtual machine's
  test::write_text(devices / "0000:3b:00.0/max_link_width", "unknown\n");
  EXPECT_FALSE(read_pci_link("0000:3b:00.0", devices.path()));
}

}  // namespace
}  // namespace tidegauge
