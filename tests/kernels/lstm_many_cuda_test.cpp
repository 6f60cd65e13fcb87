// Many models on a card (the suite is not called so: the sanitizer leaves out what is large or many): they
// follow the CPU's, and a model alone equals itself among others.
#include "tests/cuda_device.hpp"
#include "tests/kernels/lstm_fleet.hpp"

namespace tidegauge {
namespace {

std::vector<ManyState> train(Backend& backend, const test::Fleet& fleet, std::size_t piece) {
  std::vector<ManyState> states = fleet.start;
  for (bool more = true; more;) {
    const Status done = backend.train_many(states, fleet.tasks, fleet.settings, piece);
    EXPECT_TRUE(done) << done.error().message();
    more = done && std::ranges::any_of(states, [](const ManyState& s) { return s.end == ManyEnd::none; });
  }
  return states;
}

TEST(LstmFleetCuda, FollowsTheCpu) {
  TG_NEEDS_CUDA(cuda);
  for (const LstmShape& shape :
       {test::shape_of(1, 32, 1, 32), test::shape_of(4, 64, 1, 8), test::shape_of(2, 17, 2, 5, 3, false)}) {
    test::Fleet fleet(shape, 9);
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
  for (std::size_t m = 8; m < 1000; ++m) {  // the same eight again and again, with other seeds
    fleet.tasks.push_back(fleet.tasks[m % 8]);
    fleet.tasks.back().seed = m;
    fleet.start.push_back(fleet.start[m % 8]);
  }
  const auto together = train(*cuda, fleet, 100), pieces = train(*cuda, fleet, 1);
  for (std::size_t m = 0; m < together.size(); ++m)
    test::expect_same(pieces[m], together[m], "in pieces, model " + std::to_string(m));
  for (const std::size_t m : {0u, 5u, 500u, 999u}) {
    test::Fleet one = fleet;
    one.tasks = {fleet.tasks[m]};
    one.start = {fleet.start[m]};
    test::expect_same(train(*cuda, one, 100).at(0), together[m], "alone, model " + std::to_string(m));
  }
}

TEST(LstmFleetCuda, AShapeThatDoesNotFitSaysSo) {
  TG_NEEDS_CUDA(cuda);
  const test::Fleet fleet(test::shape_of(1, 65, 1, 4), 1);
  std::vector<ManyState> states = fleet.start;
  const Status refused = cuda->train_many(states, fleet.tasks, fleet.settings, 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("smaller --hidden"), std::string::npos)
      << refused.error().message();
}

}  // namespace
}  // namespace tidegauge
