#include "cope/answer/names.h"

#include <algorithm>
#include <iterator>

namespace cope::answer {

namespace {

struct Alias {
  std::string_view from;
  std::string_view to;
};

constexpr Alias aliases[] = {
    {"dfrac", "frac"},
    {"tfrac", "frac"},
    {"cfrac", "frac"},
    {"nicefrac", "frac"},
    {"sfrac", "frac"},
    {"dbinom", "binom"},
    {"tbinom", "binom"},
    {"leq", "le"},
    {"leqslant", "le"},
    {"leqq", "le"},
    {"geq", "ge"},
    {"geqslant", "ge"},
    {"geqq", "ge"},
    {"lt", "lt"},
    {"gt", "gt"},
    {"ne", "neq"},
    {"lvert", "vert"},
    {"rvert", "vert"},
    {"mid", "vert"},
    {"lVert", "vert"},
    {"rVert", "vert"},
    {"Vert", "vert"},
    {"lbrace", "{"},
    {"rbrace", "}"},
    {"ast", "cdot"},
    {"bullet", "cdot"},
    {"varphi", "phi"},
    {"varepsilon", "epsilon"},
    {"vartheta", "theta"},
    {"arcsin", "asin"},
    {"arccos", "acos"},
    {"arctan", "atan"},
    {"arccot", "acot"},
    {"arcsec", "asec"},
    {"arccsc", "acsc"},
    {"arcsinh", "asinh"},
    {"arccosh", "acosh"},
    {"arctanh", "atanh"},
    {"arsinh", "asinh"},
    {"arcosh", "acosh"},
    {"artanh", "atanh"},
    {"tg", "tan"},
    {"ctg", "cot"},
    {"cosec", "csc"},
    {"sen", "sin"},
    {"varnothing", "emptyset"},
    {"backslash", "setminus"},
    {"smallsetminus", "setminus"},
    {"bigcup", "cup"},
    {"bigcap", "cap"},
    {"degree", "degree"},
    {"degrees", "degree"},
    {"dots", "dots"},
    {"ldots", "dots"},
    {"cdots", "dots"},
    {"imath", "i"},
    {"textdollar", "$"},
    {"dollar", "$"},
    {"cosine", "cos"},
    {"over", "over"},
    {"bmod", "mod"},
    {"surd", "sqrt"},
    {"longmapsto", "mapsto"},
    {"pmod", "mod"},
    {"choose", "choose"},
    {"simeq", "approx"},
    {"thickapprox", "approx"},
    {"land", "and"},
    {"wedge", "and"},
    {"lor", "or"},
    {"vee", "or"},
    {"implies", "Rightarrow"},
    {"iff", "Leftrightarrow"},
    {"rightarrow", "to"},
    {"longrightarrow", "to"},
    {"bar", "overline"},
    {"iint", "int"},
    {"abs", "abs"},
    {"lcm", "lcm"},
    {"percent", "percent"},
    {"ceiling", "ceil"},
    {"notin", "notin"},
    {"textpercent", "percent"},
    {"textdegree", "degree"},
    {"overrightarrow", "vec"},
    {"mathring", "overline"},
};

constexpr Alias plain[] = {
    {"sqrt", "sqrt"},
    {"cbrt", "cbrt"},
    {"sin", "sin"},
    {"cos", "cos"},
    {"tan", "tan"},
    {"cot", "cot"},
    {"sec", "sec"},
    {"csc", "csc"},
    {"arcsin", "asin"},
    {"arccos", "acos"},
    {"arctan", "atan"},
    {"asin", "asin"},
    {"acos", "acos"},
    {"atan", "atan"},
    {"sinh", "sinh"},
    {"cosh", "cosh"},
    {"tanh", "tanh"},
    {"arcsinh", "asinh"},
    {"arccosh", "acosh"},
    {"arctanh", "atanh"},
    {"asinh", "asinh"},
    {"acosh", "acosh"},
    {"atanh", "atanh"},
    {"log", "log"},
    {"ln", "ln"},
    {"exp", "exp"},
    {"abs", "abs"},
    {"floor", "floor"},
    {"ceil", "ceil"},
    {"gcd", "gcd"},
    {"lcm", "lcm"},
    {"max", "max"},
    {"min", "min"},
    {"mod", "mod"},
    {"pi", "pi"},
    {"Pi", "pi"},
    {"theta", "theta"},
    {"alpha", "alpha"},
    {"beta", "beta"},
    {"gamma", "gamma"},
    {"delta", "delta"},
    {"lambda", "lambda"},
    {"omega", "omega"},
    {"sigma", "sigma"},
    {"phi", "phi"},
    {"rho", "rho"},
    {"epsilon", "epsilon"},
    {"infinity", "infty"},
    {"Infinity", "infty"},
    {"inf", "infty"},
    {"infty", "infty"},
    {"oo", "infty"},
    {"binom", "binom"},
    {"binomial", "binom"},
    {"factorial", "factorial"},
    {"degrees", "degree"},
    {"degree", "degree"},
    {"deg", "degree"},
    {"percent", "percent"},
    {"pct", "percent"},
    {"percentage", "percent"},
    {"emptyset", "emptyset"},
    {"frac", "frac"},
    {"dfrac", "frac"},
    {"union", "cup"},
    {"cdot", "cdot"},
    {"times", "times"},
};

constexpr std::string_view functions[] = {
    "sin",   "cos",  "tan",  "cot",  "sec",  "csc",   "asin",      "acos",  "atan", "acot", "asec", "acsc", "sinh",
    "cosh",  "tanh", "coth", "sech", "csch", "asinh", "acosh",     "atanh", "log",  "ln",   "lg",   "exp",  "abs",
    "floor", "ceil", "gcd",  "lcm",  "max",  "min",   "factorial", "det",   "arg",  "Re",   "Im",   "cis",  "cbrt"};

constexpr std::string_view greek[] = {
    "alpha",       "beta",      "gamma",    "delta", "epsilon", "zeta",     "eta",   "theta",   "iota",    "kappa",
    "lambda",      "mu",        "nu",       "xi",    "rho",     "sigma",    "tau",   "upsilon", "phi",     "chi",
    "psi",         "omega",     "Gamma",    "Delta", "Theta",   "Lambda",   "Xi",    "Sigma",   "Upsilon", "Phi",
    "Psi",         "Omega",     "ell",      "Pi",    "Alpha",   "hbar",     "aleph", "nabla",   "partial", "heartsuit",
    "diamondsuit", "spadesuit", "clubsuit", "Pr",    "star",    "triangle", "square"};

constexpr std::string_view others[] = {
    "frac",   "sqrt",         "cdot",     "times",  "div",     "pm",     "mp",    "pi",     "infty",
    "cup",    "cap",          "setminus", "in",     "le",      "ge",     "neq",   "lt",     "gt",
    "approx", "emptyset",     "binom",    "choose", "circ",    "degree", "angle", "vert",   "langle",
    "rangle", "lfloor",       "rfloor",   "lceil",  "rceil",   "sum",    "prod",  "int",    "lim",
    "mod",    "overline",     "vec",      "text",   "mathrm",  "mathbf", "mbox",  "textbf", "begin",
    "end",    "left",         "right",    "quad",   "boxed",   "dfrac",  "tfrac", "leq",    "geq",
    "mathbb", "displaystyle", "infty",    "to",     "percent", "dots",   "ldots", "cdots"};

constexpr std::string_view common[] = {
    "the", "is",   "of",  "an",  "to",   "no",  "yes", "all", "and", "or",  "not", "for", "if",  "are",  "one", "two",
    "six", "ten",  "odd", "day", "days", "mph", "sq",  "per", "by",  "it",  "as",  "has", "any", "None", "men", "min",
    "hrs", "mins", "sec", "cm",  "km",   "kg",  "mm",  "mL",  "ml",  "lbs", "kmh", "am",  "pm",  "PM",   "AM",  "usd",
    "USD", "she",  "he",  "we",  "Yes",  "No",  "The", "box", "top", "new", "was", "so",  "in",  "at",   "on",  "It"};

constexpr std::string_view short_units[] = {"cm",  "mm",  "km",  "kg",  "mg", "ft", "in", "yd", "mi",
                                            "lb",  "oz",  "ml",  "mL",  "hr", "nm", "dm", "Hz", "dl",
                                            "gal", "min", "sec", "rad", "sq", "st", "nd", "rd", "th"};

struct NamedUnit {
  std::string_view name;
  Unit unit;
};

// Lengths in millimetres / 10000 keep inches exact: one step is 0.1 micrometre. Only ratios matter.
constexpr NamedUnit units[] = {
    {"nm", {"L", 1, 1000000}},
    {"mm", {"L", 1, 1}},
    {"cm", {"L", 10, 1}},
    {"dm", {"L", 100, 1}},
    {"m", {"L", 1000, 1}},
    {"km", {"L", 1000000, 1}},
    {"in", {"L", 254, 10}},
    {"ft", {"L", 3048, 10}},
    {"yd", {"L", 9144, 10}},
    {"mi", {"L", 1609344, 1}},
    {"millimeter", {"L", 1, 1}},
    {"centimeter", {"L", 10, 1}},
    {"meter", {"L", 1000, 1}},
    {"kilometer", {"L", 1000000, 1}},
    {"millimetre", {"L", 1, 1}},
    {"centimetre", {"L", 10, 1}},
    {"metre", {"L", 1000, 1}},
    {"kilometre", {"L", 1000000, 1}},
    {"inch", {"L", 254, 10}},
    {"foot", {"L", 3048, 10}},
    {"feet", {"L", 3048, 10}},
    {"yard", {"L", 9144, 10}},
    {"mile", {"L", 1609344, 1}},
    {"sec", {"T", 1, 1}},
    {"second", {"T", 1, 1}},
    {"s", {"T", 1, 1}},
    {"min", {"T", 60, 1}},
    {"minute", {"T", 60, 1}},
    {"hr", {"T", 3600, 1}},
    {"h", {"T", 3600, 1}},
    {"hour", {"T", 3600, 1}},
    {"day", {"T", 86400, 1}},
    {"week", {"T", 604800, 1}},
    {"month", {"Tm", 1, 1}},
    {"year", {"Tm", 12, 1}},
    {"g", {"M", 1, 1}},
    {"kg", {"M", 1000, 1}},
    {"mg", {"M", 1, 1000}},
    {"gram", {"M", 1, 1}},
    {"kilogram", {"M", 1000, 1}},
    {"milligram", {"M", 1, 1000}},
    {"ton", {"Mt", 2000, 1}},
    {"lb", {"Mt", 1, 1}},
    {"pound", {"Mt", 1, 1}},
    {"oz", {"Mt", 1, 16}},
    {"ounce", {"Mt", 1, 16}},
    {"l", {"L3", 1000000, 1}},
    {"L", {"L3", 1000000, 1}},
    {"ml", {"L3", 1000, 1}},
    {"mL", {"L3", 1000, 1}},
    {"liter", {"L3", 1000000, 1}},
    {"litre", {"L3", 1000000, 1}},
    {"milliliter", {"L3", 1000, 1}},
    {"millilitre", {"L3", 1000, 1}},
    {"cc", {"L3", 1000, 1}},
    {"gallon", {"Vg", 16, 1}},
    {"gal", {"Vg", 16, 1}},
    {"quart", {"Vg", 4, 1}},
    {"pint", {"Vg", 2, 1}},
    {"cup", {"Vg", 1, 1}},
    {"dollar", {"$", 1, 1}},
    {"cent", {"$", 1, 100}},
    {"usd", {"$", 1, 1}},
    {"buck", {"$", 1, 1}},
    {"euro", {"EUR", 1, 1}},
    {"yen", {"JPY", 1, 1}},
    {"radian", {"rad", 1, 1}},
    {"rad", {"rad", 1, 1}},
    {"mph", {"L T-1", 1609344, 3600}},
    {"kph", {"L T-1", 1000000, 3600}},
    {"hz", {"T-1", 1, 1}},
    {"dozen", {"", 12, 1}},
    {"inche", {"L", 254, 10}},
};

// Symbols that take a prefix, and their names.
constexpr NamedUnit prefixed[] = {
    {"m", {"L", 1000, 1}},  {"g", {"M", 1, 1}},    {"s", {"T", 1, 1}},     {"L", {"L3", 1000000, 1}},
    {"J", {"J", 1, 1}},     {"W", {"W", 1, 1}},    {"V", {"V", 1, 1}},     {"Pa", {"Pa", 1, 1}},
    {"eV", {"eV", 1, 1}},   {"Hz", {"T-1", 1, 1}}, {"N", {"N", 1, 1}},     {"A", {"A", 1, 1}},
    {"mol", {"mol", 1, 1}}, {"K", {"K", 1, 1}},    {"C", {"C", 1, 1}},     {"T", {"Te", 1, 1}},
    {"F", {"F", 1, 1}},     {"pc", {"pc", 1, 1}},  {"cal", {"cal", 1, 1}}, {"erg", {"erg", 1, 1}}};
constexpr NamedUnit spelled[] = {{"joule", {"J", 1, 1}},   {"watt", {"W", 1, 1}},   {"volt", {"V", 1, 1}},
                                 {"pascal", {"Pa", 1, 1}}, {"newton", {"N", 1, 1}}, {"ampere", {"A", 1, 1}},
                                 {"mole", {"mol", 1, 1}},  {"kelvin", {"K", 1, 1}}, {"coulomb", {"C", 1, 1}},
                                 {"hertz", {"T-1", 1, 1}}, {"tesla", {"Te", 1, 1}}, {"farad", {"F", 1, 1}}};

struct Prefix {
  char letter;
  std::int64_t numerator, denominator;
};

constexpr Prefix prefixes[] = {{'k', 1000, 1}, {'M', 1000000, 1}, {'G', 1000000000, 1}, {'c', 1, 100},
                               {'m', 1, 1000}, {'u', 1, 1000000}, {'n', 1, 1000000000}};

template <typename Table>
bool has(const Table& table, std::string_view name) {
  return std::ranges::find(table, name) != std::end(table);
}

}  // namespace

std::string_view command_name(std::string_view name) {
  for (const Alias& alias : aliases) {
    if (alias.from == name) return alias.to;
  }
  return name;
}

std::string_view plain_command(std::string_view word) {
  for (const Alias& alias : plain) {
    if (alias.from == word) return alias.to;
  }
  return {};
}

bool is_known_command(std::string_view name) {
  const std::string_view known = command_name(name);
  return known != name || has(functions, name) || has(greek, name) || has(others, name);
}

bool is_function(std::string_view name) { return has(functions, name); }
bool is_greek(std::string_view name) { return has(greek, name); }
bool is_connector(std::string_view word) { return word == "and" || word == "or" || word == "And" || word == "Or"; }
bool is_common_word(std::string_view word) { return has(common, word); }
bool is_short_unit(std::string_view word) { return has(short_units, word); }

int number_word(std::string_view word) {
  constexpr std::string_view words[] = {
      "zero", "one",    "two",    "three",    "four",     "five",    "six",     "seven",     "eight",    "nine",
      "ten",  "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  constexpr std::string_view tens[] = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
  const auto* const small = std::ranges::find(words, word);
  if (small != std::end(words)) return static_cast<int>(small - std::begin(words));
  const std::string_view first = word.substr(0, word.find('-'));
  const auto* const ten = std::ranges::find(tens, first);
  if (ten == std::end(tens)) return -1;
  const int value = 20 + 10 * static_cast<int>(ten - std::begin(tens));
  if (first.size() == word.size()) return value;
  const int rest = number_word(word.substr(first.size() + 1));
  return rest >= 1 && rest <= 9 ? value + rest : -1;
}

int fraction_word(std::string_view word) {
  constexpr std::string_view words[] = {"half",    "third",  "fourth", "fifth", "sixth",
                                        "seventh", "eighth", "ninth",  "tenth"};
  if (word == "halves") return 2;
  if (word.ends_with('s')) word.remove_suffix(1);
  if (word == "quarter") return 4;
  if (word == "hundredth") return 100;
  const auto* const found = std::ranges::find(words, word);
  return found == std::end(words) ? 0 : 2 + static_cast<int>(found - std::begin(words));
}

std::optional<Unit> find_unit(std::string_view word) {
  const auto look = [](const auto& table, std::string_view name) -> std::optional<Unit> {
    for (const NamedUnit& each : table) {
      if (each.name == name) return each.unit;
    }
    return std::nullopt;
  };
  if (const auto unit = look(units, word)) return unit;
  if (const auto unit = look(prefixed, word)) return unit;
  for (const Prefix& prefix : prefixes) {
    if (word.empty() || word[0] != prefix.letter) continue;
    if (const auto unit = look(prefixed, word.substr(1)))
      return Unit{unit->dimension, unit->numerator * prefix.numerator, unit->denominator * prefix.denominator};
  }
  if (const auto unit = look(spelled, word)) return unit;
  if (word.size() <= 2 || word.back() != 's') return std::nullopt;
  const std::string_view one = word.substr(0, word.size() - 1);
  const auto unit = look(units, one);
  return unit ? unit : look(spelled, one);
}

}  // namespace cope::answer
