#include "cope/sampler/sampler.h"

#include <gtest/gtest.h>

#include "sampler/sampler_fixture.h"

namespace cope::test {
namespace {

TEST(Sampler, DrawsAWaveOverHttpAndStoresIt) {
  LoopbackServer server(echo);
  FakeStore store;
  Endpoint endpoint = endpoint_at(server.base_url());
  endpoint.max_n = 8;
  Sampler sampler({endpoint}, store, {});
  const std::vector<Sample> samples = draw_one(sampler, request_of(8, 7));
  ASSERT_EQ(samples.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_TRUE(samples[i].ok()) << samples[i].error_message;
    EXPECT_EQ(samples[i].text, "seed 7 choice " + std::to_string(i));
    EXPECT_EQ(samples[i].usage.prompt_tokens, i == 0 ? 10 : 0);
    EXPECT_EQ(samples[i].usage.completion_tokens, 5);
  }
  EXPECT_EQ(server.requests(), 1);
  EXPECT_EQ(store.size(), 8U);
}

}  // namespace
}  // namespace cope::test
