// Finding cuDNN, and what is said where it is not found.
#include "kernels/core/cudnn_library.hpp"

#include <cstdlib>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(CudnnLibrary, AMissingLibraryIsAnErrorThatSaysHowToGetIt) {
  const auto library = load_cudnn("libno_such_cudnn.so.9");
  ASSERT_FALSE(library);
  const std::string message = library.error().message();
  for (const char* part : {"cuDNN 9", "libno_such_cudnn.so.9", "install cuDNN 9", "LD_LIBRARY_PATH", "--device cpu"})
    EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
}

TEST(CudnnLibrary, AnotherLibraryIsNotTakenForIt) {
  const auto library = load_cudnn("libm.so.6");
  ASSERT_FALSE(library);
  EXPECT_NE(library.error().what.find("no cuDNN"), std::string::npos) << library.error().message();
}

TEST(CudnnLibrary, OnlyMajorVersionNineWillDo) {
  for (const std::size_t version : {90000u, 91900u, 99999u}) EXPECT_TRUE(check_cudnn_version(version)) << version;
  EXPECT_NE(check_cudnn_version(8907).error().what.find("cuDNN 8 is here"), std::string::npos);
  EXPECT_NE(check_cudnn_version(100100).error().what.find("cuDNN 10 is here"), std::string::npos);
  EXPECT_FALSE(check_cudnn_version(0));
}

TEST(CudnnLibrary, VersionInWords) { EXPECT_EQ(cudnn_version_text(91903), "9.19.3"); }

TEST(CudnnLibrary, CublasKeepsToOneWorkspaceUnlessTheUserWantsAnother) {
  unsetenv("CUBLAS_WORKSPACE_CONFIG");
  (void)load_cudnn("libno_such_cudnn.so.9");
  EXPECT_STREQ(std::getenv("CUBLAS_WORKSPACE_CONFIG"), ":4096:2");
  setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8", 1);
  (void)load_cudnn("libno_such_cudnn.so.9");
  EXPECT_STREQ(std::getenv("CUBLAS_WORKSPACE_CONFIG"), ":16:8");
}

}  // namespace
}  // namespace tidegauge
