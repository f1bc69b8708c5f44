// SPDX-License-Identifier: Apache-2.0
// Numbers of people and their accounts, told by their check digits.
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/detect_test_support.h"

namespace clew::privacy::detect {
namespace {

TEST(Card, FoundAndNot) {
  ExpectFound(CardRule(), {
                              "«4111111111111111»",       "card «4111 1111 1111 1111» 12/27",
                              "«5500-0000-0000-0004»",    "«340000000000009»",
                              "«3782 822463 10005»",      "«30000000000004»",
                              "«6011000000000004»",       "«4222222222222»",
                              "«2221000000000009»",       R"({"card":«4111111111111111»})",
                              "pan=«4111111111111111»&x", "4111111111111112",
                              "4111-1111-1111-1112",      "order_id=4111111111111111",
                              "order #4111111111111111",  "0.4111111111111111",
                              "4111111111111111.5",       "1764000000000",
                              "17640000000000000",        "9111111111111111",
                              "a4111111111111111",        "4111111111111111b",
                              "41111111111111110000000",  "550e8400-e29b-41d4-a716-411111111111",
                              "4.111111111111111",
                          });
}

TEST(Iban, FoundAndNot) {
  ExpectFound(IbanRule(), {
                              "«DE89370400440532013000»",
                              "«DE89 3704 0044 0532 0130 00».",
                              "«GB29NWBK60161331926819»",
                              "iban=«gb29nwbk60161331926819»",
                              "«NL91ABNA0417164300»",
                              "«FR1420041010050500013M02606»",
                              "DE89370400440532013001",
                              "XX89370400440532013000",
                              "aDE89370400440532013000",
                              "DE893704004405320130001",
                              "DE12",
                              "ab12cd34ef56",
                          });
}

TEST(NationalIds, UnitedStates) {
  ExpectFound(UsSsnRule(), {"«123-45-6789»", "ssn=«123456789»", "Social Security Number: «123 45 6789»", "123456789",
                            "000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "123-45-67890",
                            "order 123456789", "1-123-45-6789"});
}

TEST(NationalIds, Spain) {
  ExpectFound(EsIdRule(), {"«12345678Z»", "dni «12345678-z»", "«X1234567L»", "«12.345.678-Z»", "12345678A",
                           "912345678Z", "12345678z", "sku 12345678Z"});
}

TEST(NationalIds, France) {
  ExpectFound(FrNirRule(), {"«185057800608491»", "«1 85 05 78 006 084 91»", "«2 55 08 14 168 025 38»",
                            "185057800608492", "1850578006084911"});
}

TEST(NationalIds, Germany) {
  ExpectFound(DeTaxIdRule(), {"«86095742719»", "Steuer-ID «86 095 742 719»", "86095742718", "order 86095742719",
                              "12345678901", "+86095742719"});
}

TEST(NationalIds, Italy) {
  ExpectFound(ItFiscalCodeRule(), {"«RSSMRA85T10A562S»", "cf «rssmra85t10a562s».", "RSSMRA85T10A562T",
                                   "RSSMRA85Z10A562S", "XRSSMRA85T10A562S"});
}

TEST(NationalIds, Netherlands) {
  ExpectFound(NlBsnRule(), {"bsn=«123456782»", "BSN: «1234.56.782»", "123456782", "bsn=123456783", "order 123456782"});
}

TEST(NationalIds, UnitedKingdom) {
  ExpectFound(UkNinoRule(), {"«AB123456C»", "nino «AB 12 34 56 C»", "«JG-12-34-56-A»", "QQ123456C", "AB123456E",
                             "GB123456A", "XAB123456C", "sku AB123456C", "ab123456c"});
}

TEST(NationalIds, India) {
  ExpectFound(InAadhaarRule(), {"aadhaar «234123412346»", "«2341 2341 2346»", "234123412346", "2341 2341 2347",
                                "2341 2341 2346 1111", "order 2341-2341-2346"});
}

TEST(NationalIds, Brazil) {
  ExpectFound(BrCpfRule(), {"«529.982.247-25»", "cpf=«52998224725»", "«52998224725»", "529.982.247-26",
                            "111.111.111-11", "order 52998224725", "phone 52998224725"});
}

TEST(Checks, Entropy) {
  EXPECT_EQ(Entropy(""), 0);
  EXPECT_EQ(Entropy("aaaa"), 0);
  EXPECT_DOUBLE_EQ(Entropy("abcd"), 2);
}

}  // namespace
}  // namespace clew::privacy::detect
