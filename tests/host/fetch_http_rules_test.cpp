// Waits, ranges, and which server a URL means.
#include "host/fetch/http_rules.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(FetchHttp, WaitsDoubleUpToAMinuteAndHeedTheServer) {
  EXPECT_EQ(retry_wait(1, milliseconds(500), seconds(0)), milliseconds(500));
  EXPECT_EQ(retry_wait(4, milliseconds(500), seconds(0)), seconds(4));
  EXPECT_EQ(retry_wait(100, milliseconds(500), seconds(0)), seconds(60));
  EXPECT_EQ(retry_wait(1, milliseconds(500), seconds(90)), seconds(90));
  EXPECT_EQ(retry_wait(1, milliseconds(500), seconds(86'400)), seconds(600));
}

TEST(FetchHttp, ContentRanges) {
  const auto range = parse_content_range("bytes 5-9/10");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 5u);
  EXPECT_EQ(range->total, 10u);
  EXPECT_FALSE(parse_content_range("bytes 5-9/*")->total);
  for (const char* wrong : {"", "bytes", "bytes */10", "bytes 9-5/10", "bytes 5-10/10", "bytes 5-9/", "bytes 5-9/10x", "items 5-9/10",
                            "bytes 5/10", "bytes -9/10", "bytes 99999999999999999999-9/10"})
    EXPECT_FALSE(parse_content_range(wrong)) << wrong;
}

TEST(FetchHttp, CredentialsStayWithSchemeHostAndPort) {
  EXPECT_TRUE(same_server("https://a.org/x", "https://A.org:443/y?z"));
  for (const char* other : {"http://a.org/x", "https://a.org:8443/x", "https://b.a.org/x", "https://a.org.evil/x", "a.org"})
    EXPECT_FALSE(same_server("https://a.org/x", other)) << other;
}

TEST(FetchHttp, UrlsWithCredentialsOrOfOtherKindsAreRefusedAndNotRepeated) {
  EXPECT_TRUE(check_url("https://a.org/x", "--base-url"));
  for (const char* wrong : {"ftp://a.org/x", "file:///etc/passwd", "a b", "", "https://me:secret@a.org/", "https://secret@a.org/"}) {
    const Status checked = check_url(wrong, "--base-url");
    ASSERT_FALSE(checked) << wrong;
    EXPECT_EQ(checked.error().kind, ErrorKind::usage);
    EXPECT_EQ(checked.error().message().find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace tidegauge
