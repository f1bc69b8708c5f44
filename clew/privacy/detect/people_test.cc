// SPDX-License-Identifier: Apache-2.0
// What says who or where somebody is: e-mail, telephone, addresses of networks, places, dates of birth.
#include "clew/privacy/detect/detect_test_support.h"

namespace clew::privacy::detect {
namespace {

TEST(Email, Found) {
  ExpectFound(EmailRule(), {
                               "«zoe@example.net»",
                               "mail to <«Zoe.Smith+shop@mail.example.co.uk»>, now",
                               "mailto:«zoe@example.net»?subject=hi",
                               "a='«zoe@example.net»',b=\"«o'brien@example.org»\"",
                               R"({"email":"«zoe@example.net»"})",
                               "/u/«zoe@example.net»/orders",
                               "?to=«zoe%40example.net»&x=1",
                               "?q=%22«zoe%40example.net»%22",
                               R"(first\n«zoe@example.net»)",
                               "«用户@例子.公司» и «почта@пример.рф»",
                               "«müller@bücher.de».",
                               "«zoe@xn--bcher-kva.xn--p1ai»",
                               "«1985@example.com»",
                               R"({"a":"«zoe\u0040example.net»"})",
                           });
}

TEST(Email, NotFound) {
  ExpectFound(EmailRule(), {
                               "@app.route('/x')",
                               "react@18.2.0 in node_modules",
                               "git@github.com:clew/clew.git",
                               "user@localhost",
                               "getty@tty1.service",
                               "icon@2x.png",
                               "java.lang.Object@1b2c3d",
                               "image@sha256:9f86d081884c7d65",
                               "@",
                               "a@",
                               "@b.com",
                               "a@b",
                               "a @ b.com",
                               "x@.com",
                               "pkg@v1.2.3",
                               "foo@bar..com",
                               "lodash@npm.js",
                               "retry @ 10.5",
                           });
}

TEST(Phone, Found) {
  ExpectFound(PhoneRule(), {
                               "«+1 555 123 4567»",
                               "call «+49 30 1234567» now",
                               "«+44 20 7946 0958»",
                               "«+33 1 23 45 67 89»",
                               "«+919876543210»",
                               "«+1-555-123-4567x123»",
                               "«001-555-123-4567»",
                               "«(555) 123-4567»",
                               "«555-123-4567»",
                               "«555.123.4567»",
                               "«1-800-555-0199»",
                               "«020 7946 0958»",
                               "«0151 23456789»",
                               "«01 23 45 67 89»",
                               "«06-12345678»",
                               "«(11) 91234-5678»",
                               "«98765 43210»",
                               "phone=«5551234567»",
                               R"({"phone":"«5551234567»"})",
                               "tel: «612 345 678»",
                               "mobile «07700900123»",
                               "«+49(0)1234567890»",
                               "«(05678) 123456»",
                               "«+5511912345678»",
                           });
}

TEST(Phone, NotFound) {
  ExpectFound(PhoneRule(), {
                               "2026-11-24 10:11:12",
                               "20261124101112",
                               "1764000000",
                               "1764000000000",
                               "took 123 456 789 ns",
                               "order 5551234567",
                               "version 10.0.19041",
                               "10.20.30.40",
                               "+0100",
                               "550e8400-e29b-41d4-a716-446655440000",
                               "01-02-2026",
                               "24/11/2026",
                               "4111 1111 1111 1111",
                               "0.1234567890",
                               "id 0x0123456789",
                               "a-555-123-4567",
                               "12345678901234567890",
                               "555-123-45678",
                               "#5551234567",
                               "2026.11.24",
                               "bytes 1,234,567,890",
                           });
}

TEST(Ip, Found) {
  ExpectFound(IpRule(), {
                            "from «203.0.113.7»",
                            "«203.0.113.7»:443",
                            "http://«198.51.100.1»/x",
                            "client=«10.1.2.3»,",
                            "[«2001:db8::1»]:80",
                            "«2001:0db8:85a3:0000:0000:8a2e:0370:7334»",
                            "«fe80::1ff:fe23:4567:890a»%eth0",
                            "«::ffff:203.0.113.7»",
                            "ip:«2001:db8::1»",
                            "«203.0.113.0»/24",
                            "host/«10.0.0.1»:9092",
                            "«5d2f:9b12:1:2:3:4:5:6»",
                            R"("ip":"«203.0.113.7»")",
                        });
}

TEST(Ip, NotFound) {
  ExpectFound(IpRule(), {
                            "127.0.0.1",       "0.0.0.0",          "::1",         "version 1.2.3.4",
                            "v1.2.3.4",        "Chrome/120.0.0.1", "1.3.6.1.4.1", "256.1.1.1",
                            "lib-1.2.3.4.jar", "10:11:12",         "a::b",        "std::dead",
                            "1.2.3",           "12:34:56:78",      "224.0.0.1",   "release 10.0.0.2",
                            "1.2.3.4-beta",    "dead::beef",       "01.02.03.04", "==1.2.3.4",
                        });
}

TEST(Mac, FoundAndNot) {
  ExpectFound(MacRule(), {
                             "«00:1A:2b:3c:4d:5e»",
                             "eth0 «00-1a-2b-3c-4d-5e» up",
                             "(«08-92-55-72-af-20»)",
                             "«001a.2b3c.4d5e»",
                             "00:00:00:00:00:00",
                             "ff:ff:ff:ff:ff:ff",
                             "16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
                             "12-34-56-78-90-12",
                             "10:11:12",
                             "aa:bb:cc:dd:ee",
                             "g0:1A:2b:3c:4d:5e",
                             "x00:1A:2b:3c:4d:5e",
                         });
}

TEST(BirthDate, FoundAndNot) {
  ExpectFound(BirthDateRule(), {
                                   "dob=«1985-03-12»",
                                   R"("date_of_birth":"«12/03/1985»")",
                                   "born «12 March 1985»",
                                   "born on «March 12, 1985»",
                                   "Date of birth: «12.03.1985»",
                                   "geboren am «12. März 1985»",
                                   "birthDate: «19850312»",
                                   "DOB «3/12/85»",
                                   R"({"birthday":"«1985-03-12»T00:00:00Z"})",
                                   "fecha de nacimiento «12 de marzo de 1985»",
                                   "2026-11-24 10:11:12 started",
                                   "created=1985-03-12",
                                   "birthday reminder sent 2026-11-24 10:11",
                                   "dob=unknown",
                                   "birth 99/99/1985",
                               });
}

TEST(Coordinates, FoundAndNot) {
  ExpectFound(CoordinatesRule(), {
                                     "lat=«52.5200» lon=«13.4050»",
                                     "location: «52.5200, 13.4050»",
                                     R"({"lat":«52.52»,"lng":«-13.405»})",
                                     "«52.5200° N, 13.4050° E»",
                                     "«52°31'12\"N 13°24'18\"E»",
                                     "geo:«52.5200,13.4050»",
                                     "/maps/@«52.5200,13.4050»,15z",
                                     R"("coordinates":[«-73.9857,40.7484»])",
                                     "gps «-33.8688,151.2093»",
                                     "12.3456, 48.1234",
                                     "p50 12.3456 p99 48.1234",
                                     "took 0.52 s",
                                     "ratio 52.5200",
                                     "lat=952.52",
                                     "1.2.3.4",
                                 });
}

}  // namespace
}  // namespace clew::privacy::detect
