#include "cope/sampler/json_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "cope/sampler/text.h"

namespace cope {
namespace {

std::string text_of(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string number_of(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

TEST(JsonText, StringsAreWrittenAsNlohmannWritesThem) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  for (const std::string& text :
       {all, std::string(), std::string("caf\xc3\xa9 \xf0\x9f\x98\x80 \xe2\x80\xa8"), std::string("\"\\\"")}) {
    EXPECT_EQ(text_of(text), nlohmann::json(text).dump());
  }
}

TEST(JsonText, InvalidUtf8IsReplaced) {
  EXPECT_EQ(text_of("a\xff\xc3("), "\"a\xef\xbf\xbd\xef\xbf\xbd(\"");
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string text(random() % 12, ' ');
    for (char& c : text) c = static_cast<char>(random());
    EXPECT_EQ(nlohmann::json::parse(text_of(text)).get<std::string>(), valid_utf8(text));
  }
}

TEST(JsonText, NumbersAreWrittenAsPythonsReprWritesThem) {
  const struct {
    const char* repr;
    double value;
  } cases[] = {
      // print(repr(value), value.hex())
      {"0.0", 0x0.0p+0},
      {"1.0", 0x1.0000000000000p+0},
      {"-1.0", -0x1.0000000000000p+0},
      {"0.7", 0x1.6666666666666p-1},
      {"0.1", 0x1.999999999999ap-4},
      {"0.3333333333333333", 0x1.5555555555555p-2},
      {"2.0", 0x1.0000000000000p+1},
      {"0.0001", 0x1.a36e2eb1c432dp-14},
      {"9.9e-05", 0x1.9f3c70c996b76p-14},
      {"1e-07", 0x1.ad7f29abcaf48p-24},
      {"1.5e-07", 0x1.421f5f40d8376p-23},
      {"5e-324", 0x0.0000000000001p-1022},
      {"123456.75", 0x1.e240c00000000p+16},
      {"100000.0", 0x1.86a0000000000p+16},
      {"100000000000000.0", 0x1.6bcc41e900000p+46},
      {"1000000000000000.0", 0x1.c6bf526340000p+49},
      {"1e+16", 0x1.1c37937e08000p+53},
      {"1.25e+16", 0x1.6345785d8a000p+53},
      {"1e+22", 0x1.0f0cf064dd592p+73},
      {"1.7e+308", 0x1.e42d130773b76p+1023},
      {"-2.5", -0x1.4000000000000p+1},
      {"272702137393529.62", 0x1.f00ad40ec2f34p+47},
      {"597367671574640.2", 0x1.0fa6bfeea8382p+49},
      {"0.30000000000000004", 0x1.3333333333334p-2},
      {"4388516846.8106785", 0x1.059373eecf88ap+32},
      {"2.086747275928554e+23", 0x1.61823cb91ce37p+77},
      {"3.8754201109029105e+18", 0x1.ae421076ce2efp+61},
      {"60.3748405749074", 0x1.e2ffac6a53877p+5},
      {"3.9561072835406827e-07", 0x1.a8c8a62332550p-22},
      {"3.429188148918475e+18", 0x1.7cb7639f621ecp+61},
      {"271109780115.53125", 0x1.f8fb37949c400p+37},
      {"6.311901575200935e+25", 0x1.a1afc599f4b40p+85},
      {"0.0032785236037636", 0x1.adb8ff508d640p-9},
      {"0.0001364660933965481", 0x1.1e30ad0f92cd8p-13},
      {"3815126160051.516", 0x1.bc239ea959c21p+41},
      {"1.3859340407993325e-12", 0x1.861b128dbd25ep-40},
      {"4.452627432302779e+16", 0x1.3c60d238642eap+55},
      {"9.17605107607471e-19", 0x1.0ed4481bd7198p-60},
      {"1.2093175231676886e-17", 0x1.be28cf8eb18b9p-57},
      {"0.19339838140682972", 0x1.8c147359eeefbp-3},
      {"2.9981121189879197e-05", 0x1.f6ffef5cae3bfp-16},
      {"21821.492025485262", 0x1.54f5f7d587600p+14},
      {"0.0075115461411005505", 0x1.ec46d504b74bap-8},
      {"0.027378716159216575", 0x1.c092a8a0a8c96p-6},
      {"0.0073513730677540025", 0x1.e1c792e81d66dp-8},
      {"2122269554444.1343", 0x1.ee211f770c226p+40},
      {"741151519.3573608", 0x1.616898fadbe00p+29},
      {"1.5826818294349975e-07", 0x1.53e0da8dd4e44p-23},
      {"8742864.883964479", 0x1.0acfa1c496fe0p+23},
      {"5.6718527259366195e-18", 0x1.a28244d25deb3p-58},
      {"363963288.57061136", 0x1.5b1a398921396p+28},
      {"2662514958.4279537", 0x1.3d65821cdb1ccp+31},
      {"2.2583575421098607e+19", 0x1.3968fa314cd34p+64},
      {"0.00030839196239589213", 0x1.435f564912322p-12},
      {"0.0001153657773065369", 0x1.e3e10f66241bep-14},
      {"5.688377415749185e-17", 0x1.065481d2f39e6p-54},
      {"12881387104.014126", 0x1.7fe52f3001ceep+33},
      {"4.488569703116669e-17", 0x1.9dff5b0943a74p-55},
      {"886914262627005.9", 0x1.935268c8f95efp+49},
      {"9.318354955884721e+26", 0x1.8165ebb7c8812p+89},
      {"2616678414533760.0", 0x1.297b5d6c78900p+51},
      {"0.00034558494731949614", 0x1.6a5f40bf64ef7p-12},
      {"0.007462343661908156", 0x1.e90d59faba827p-8},
      {"24.18356504853144", 0x1.82efe1e782196p+4},
  };
  for (const auto& c : cases) EXPECT_EQ(number_of(c.value), c.repr);
}

TEST(JsonText, NumbersReadBackAsTheSame) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 140) - 120);
    const auto parsed = nlohmann::json::parse(number_of(value));
    EXPECT_TRUE(parsed.is_number_float());
    EXPECT_EQ(parsed.get<double>(), value);
  }
}

}  // namespace
}  // namespace cope
