// Many models on a card (the suite is not called so: the sanitizer leaves out what is large or many): they
// follow the CPU's, and a model alone equals itself among others. The same tests run on the host, with stand-ins.
#ifdef TIDEGAUGE_CUDA_ON_HOST
#include "tests/cuda_on_host/host_backend.hpp"
#else
#include "tests/cuda_device.hpp"
#endif
#include "tests/kernels/lstm_fleet.hpp"

namespace tidegauge {
namespace {

#ifdef TIDEGAUGE_CUDA_ON_HOST
constexpr std::size_t kSome = 3, kMany = 12;  // fibers are slow
#else
constexpr std::size_t kSome = 9, kMany = 1000;
#endif

std::unique_ptr<ManyNetworks> many(Backend& backend, const test::Fleet& fleet, std::vector<ManyState> states) {
  auto networks = backend.many(std::move(states), fleet.tasks, fleet.settings);
  TG_REQUIRE(networks.has_value(), networks.error().message());
  return *std::move(networks);
}

std::vector<ManyState> fetched(ManyNetworks& networks) {
  EXPECT_TRUE(networks.fetch());
  return {networks.states().begin(), networks.states().end()};
}

void train_to_the_end(ManyNetworks& networks, std::size_t piece) {
  for (bool more = true; more;) {
    const Status done = networks.train(piece);
    EXPECT_TRUE(done) << done.error().message();
    more = done && std::ranges::any_of(networks.standings(), [](const auto& s) { return s.end == ManyEnd::none; });
  }
}

std::vector<ManyState> train(Backend& backend, const test::Fleet& fleet, std::size_t piece) {
  const auto networks = many(backend, fleet, fleet.start);
  train_to_the_end(*networks, piece);
  return fetched(*networks);
}

TEST(LstmFleetCuda, FollowsTheCpu) {
  TG_NEEDS_CUDA(cuda);
  for (const LstmShape& shape :
       {test::shape_of(1, 32, 1, 32), test::shape_of(4, 64, 1, 8), test::shape_of(2, 17, 2, 5, 3, false)}) {
    test::Fleet fleet(shape, kSome);
    fleet.settings.optimizer.learning_rate = 1e-3;
    fleet.settings.patience = 0;
    fleet.settings.epochs = 2;
    const auto found = train(*cuda, fleet, 100), expected = fleet.run(0);
    for (std::size_t m = 0; m < found.size(); ++m) {
      SCOPED_TRACE(testing::Message() << "H" << shape.hidden << " model " << m);
      // As on the host (lstm_many_kernel_test.cpp): rounding along a dozen steps.
      EXPECT_LT(test::distance(found[m].parameters, expected[m].parameters), 1e-3);
      ASSERT_EQ(found[m].history.size(), expected[m].history.size());
      for (std::size_t e = 0; e < found[m].history.size(); ++e)
        EXPECT_NEAR(found[m].history[e].validation, expected[m].history[e].validation, 1e-3);
    }
  }
}

TEST(LstmFleetCuda, AModelAloneEqualsItselfAmongManyAndInPieces) {
  TG_NEEDS_CUDA(cuda);
  test::Fleet fleet(test::shape_of(1, 16, 2, 6), 8);
  for (std::size_t m = 8; m < kMany; ++m) {  // the same eight again and again, with other seeds
    fleet.tasks.push_back(fleet.tasks[m % 8]);
    fleet.tasks.back().seed = m;
    fleet.start.push_back(fleet.start[m % 8]);
  }
  const auto together = train(*cuda, fleet, 100), pieces = train(*cuda, fleet, 1);
  for (std::size_t m = 0; m < together.size(); ++m)
    test::expect_same(pieces[m], together[m], "in pieces, model " + std::to_string(m));
  for (const std::size_t m : {std::size_t{0}, std::size_t{5}, kMany / 2, kMany - 1}) {
    test::Fleet one = fleet;
    one.tasks = {fleet.tasks[m]};
    one.start = {fleet.start[m]};
    test::expect_same(train(*cuda, one, 100).at(0), together[m], "alone, model " + std::to_string(m));
  }
}

/// What a checkpoint keeps is what was fetched; whoever goes on from it comes to the same.
TEST(LstmFleetCuda, GoingOnFromWhatWasFetchedEqualsNotStopping) {
  TG_NEEDS_CUDA(cuda);
  const test::Fleet fleet(test::shape_of(1, 9, 2, 4), 5);
  const auto networks = many(*cuda, fleet, fleet.start);
  ASSERT_TRUE(networks->train(2));
  EXPECT_EQ(networks->standings()[0].epochs_done, 2u);
  EXPECT_TRUE(networks->states()[0].history.empty()) << "nothing was fetched yet";
  const auto resumed = many(*cuda, fleet, fetched(*networks));
  EXPECT_EQ(networks->states()[0].epochs_done(), 2u);
  train_to_the_end(*networks, 1);
  train_to_the_end(*resumed, 100);
  const auto whole = fetched(*networks), halves = fetched(*resumed);
  for (std::size_t m = 0; m < whole.size(); ++m) test::expect_same(halves[m], whole[m], "model " + std::to_string(m));
}

TEST(LstmFleetCuda, AShapeThatDoesNotFitSaysSo) {
  TG_NEEDS_CUDA(cuda);
  const test::Fleet fleet(test::shape_of(1, 65, 1, 4), 1);
  const auto refused = cuda->many(fleet.start, fleet.tasks, fleet.settings);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("smaller --hidden"), std::string::npos)
      << refused.error().message();
}

}  // namespace
}  // namespace tidegauge
