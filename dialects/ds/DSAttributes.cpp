// Attributes of the ds dialect: quantisation formats, rotary embedding, routing, policy.
#include "dialects/ds/DS.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <charconv>
#include <cmath>
#include <numbers>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace mlir;
using namespace mlir::ds;

#include "dialects/ds/DSEnums.cpp.inc"

//===--- Tile -----------------------------------------------------------------------------------------------------------===//

static llvm::raw_ostream &printTile(llvm::raw_ostream &stream, const Tile &tile) {
  auto extent = [&](int64_t value) { value ? (void)(stream << value) : (void)(stream << "all"); };
  extent(tile.rows);
  stream << 'x';
  extent(tile.columns);
  return stream;
}

AsmPrinter &mlir::ds::operator<<(AsmPrinter &printer, const Tile &tile) {
  printTile(printer.getStream(), tile);
  return printer;
}

// 1x128 is an integer and the keyword x128 to the lexer; allx128 is one keyword, and 0x128 one hexadecimal number.
FailureOr<Tile> FieldParser<Tile>::parse(AsmParser &parser) {
  SMLoc location = parser.getCurrentLocation();
  Tile tile;
  StringRef rest;
  OptionalParseResult rows = parser.parseOptionalInteger(tile.rows);
  if (rows.has_value() && failed(*rows))
    return failure();
  bool valid = succeeded(parser.parseOptionalKeyword(&rest));
  if (rows.has_value())
    valid &= tile.rows > 0 && tile.rows <= INT32_MAX;
  else
    valid &= rest.consume_front("all");
  valid &= rest.consume_front("x");
  valid &= rest == "all" || (!rest.getAsInteger(10, tile.columns) && tile.columns > 0 && tile.columns <= INT32_MAX);
  if (valid)
    return tile;
  parser.emitError(location, "expects a tile such as 1x128 or 1xall, its extents positive and within 31 bits");
  return failure();
}

//===--- Numbers --------------------------------------------------------------------------------------------------------===//

FailureOr<Number> mlir::ds::parseNumber(AsmParser &parser) {
  // Neither of the parser's own reads the other's negative numbers.
  SMLoc location = parser.getCurrentLocation();
  double sign = succeeded(parser.parseOptionalMinus()) ? -1 : 1, value;
  APInt integer;
  OptionalParseResult parsed = parser.parseOptionalDecimalInteger(integer);
  if (!parsed.has_value()) {
    if (parser.parseFloat(value))
      return failure();
    return Number(sign * value);
  }
  if (failed(*parsed))
    return failure();
  value = integer.signedRoundToDouble();
  if (!std::isfinite(value)) {
    parser.emitError(location, "expects a number within the range of F64");
    return failure();
  }
  return Number(sign * value);
}

bool mlir::ds::isPositiveF32(double value) { return float(value) > 0 && std::isfinite(float(value)); }

// The shortest decimal that reads back the same, with the point that the lexer wants: 1.0e-06.
void mlir::ds::printNumber(AsmPrinter &printer, Number number) {
  if (!std::isfinite(number)) {
    printer.printFloat(APFloat(number.value));
    return;
  }
  char buffer[32];
  StringRef text(buffer, size_t(std::to_chars(buffer, std::end(buffer), number.value).ptr - buffer));
  auto [digits, exponent] = text.split('e');
  printer << digits << (digits.contains('.') ? "" : ".0") << (exponent.empty() ? "" : "e") << exponent;
}

FailureOr<bool> mlir::ds::parseBool(AsmParser &parser) {
  StringRef keyword;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  if (keyword != "true" && keyword != "false") {
    parser.emitError(location, "expects true or false, but got ") << keyword;
    return failure();
  }
  return keyword == "true";
}

#define GET_ATTRDEF_CLASSES
#include "dialects/ds/DSAttributes.cpp.inc"

void DSDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/ds/DSAttributes.cpp.inc"
      >();
}

//===--- Quantisation ---------------------------------------------------------------------------------------------------===//

LogicalResult QuantAttr::verify(function_ref<InFlightDiagnostic()> emitError, Payload payload, Tile tile, Scale scale, ScaleRule rule,
                                Rounding rounding, Number floor, uint64_t seed, OuterScale outer) {
  if (rule == ScaleRule::power_of_two && scale == Scale::e4m3)
    return emitError() << "(C1) a power-of-two rule expects scales of f32 or ue8m0, but got e4m3";
  if (scale == Scale::ue8m0 && rule == ScaleRule::amax)
    return emitError() << "(C2) a ue8m0 scale expects rule = power_of_two or mx: other scales are not powers of two";
  if (!(floor >= 0) || !std::isfinite(floor))
    return emitError() << "(C3) expects a finite floor of 0 or above, but got " << floor.value;
  if (seed && rounding != Rounding::stochastic)
    return emitError() << "(C4) a seed belongs to stochastic rounding";
  if (rule == ScaleRule::mx && scale != Scale::ue8m0)
    return emitError() << "(C5) the mx rule expects scales of ue8m0, but got " << stringifyScale(scale);
  if ((outer != OuterScale::none) != (scale == Scale::e4m3))
    return emitError() << "(C6) expects an outer scale exactly where scales are e4m3, but got outer = " << stringifyOuterScale(outer)
                       << " and scales of " << stringifyScale(scale);
  if (outer != OuterScale::none && rule != ScaleRule::amax)
    return emitError() << "(C6) an outer scale expects rule = amax, but got " << stringifyScaleRule(rule);
  if (outer == OuterScale::row && tile.rows != 1)
    return emitError() << "(C7) an outer scale of a row expects tiles of one row";
  if (payload == Payload::nf4 && (scale != Scale::f32 || rule != ScaleRule::amax || rounding != Rounding::nearest))
    return emitError() << "(C8) nf4 expects scales of f32 by amax and nearest rounding, but got " << stringifyScale(scale) << " by "
                       << stringifyScaleRule(rule) << " and " << stringifyRounding(rounding);
  if ((payload == Payload::f4E2M1FN || payload == Payload::nf4) && tile.columns % 2)
    return emitError() << "(C9) a four-bit payload expects an even number of columns in a tile, but got " << tile.columns;
  return success();
}

Type QuantAttr::getPayloadType() const {
  MLIRContext *context = getContext();
  switch (getPayload()) {
  case Payload::f8E4M3FN:
    return Float8E4M3FNType::get(context);
  case Payload::f8E5M2:
    return Float8E5M2Type::get(context);
  case Payload::f4E2M1FN:
    return Float4E2M1FNType::get(context);
  case Payload::nf4:
    return IntegerType::get(context, 4);
  }
  llvm_unreachable("payload");
}

// Named by what tells formats apart; what is usual is left out. Keys of stochastic rounding are told apart by a number.
OpAsmAliasResult QuantAttr::getAlias(llvm::raw_ostream &stream) const {
  printTile(stream << "tile_", getTile()) << '_' << stringifyPayload(getPayload());
  if (getScale() != Scale::f32)
    stream << '_' << stringifyScale(getScale());
  if (getRule() == ScaleRule::mx || (getRule() == ScaleRule::power_of_two && getScale() == Scale::f32))
    stream << '_' << stringifyScaleRule(getRule());
  if (getOuter() != OuterScale::none)
    stream << '_' << stringifyOuterScale(getOuter());
  if (getRounding() != Rounding::nearest)
    stream << '_' << stringifyRounding(getRounding());
  return OpAsmAliasResult::OverridableAlias;
}

int64_t QuantAttr::getTileColumns(int64_t columns) const { return getTile().columns ? llvm::divideCeil(columns, getTile().columns) : 1; }
int64_t QuantAttr::getTileRows(int64_t rows) const { return getTile().rows ? llvm::divideCeil(rows, getTile().rows) : 1; }

bool QuantAttr::holdsSameAs(QuantAttr other) const {
  // Scales are F32 in memory: an F32 convention takes power-of-two scales as they are, not the other way round.
  bool scales = getScale() == other.getScale() || (getScale() == Scale::ue8m0 && other.getScale() == Scale::f32);
  return getPayload() == other.getPayload() && getTile() == other.getTile() && getOuter() == other.getOuter() && scales;
}

QuantAttr QuantAttr::keyedFor(StringRef modulePath, StringRef operand) const {
  if (getRounding() != Rounding::stochastic)
    return *this;
  // Each field with its length, so that no two sequences of them are one text.
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << getSeed() << ' ' << modulePath.size() << ' ' << modulePath << ' ' << operand.size() << ' ' << operand;
  uint64_t key = XXH3_64bits(text.data(), text.size());
  return get(getContext(), getPayload(), getTile(), getScale(), getRule(), getRounding(), getFloor(), key, getOuter());
}

//===--- Rotary position embedding --------------------------------------------------------------------------------------===//

LogicalResult RopeAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t dims, Number theta, Number factor, Number betaFast,
                               Number betaSlow, Number mscale, Number mscaleAllDim, int64_t originalLength) {
  if (dims <= 0 || dims % 2 || dims > INT32_MAX)
    return emitError() << "(C1) expects an even, positive number of dims within 31 bits, but got " << dims;
  if (!(theta > 1) || !std::isfinite(theta))
    return emitError() << "(C2) expects a finite theta above 1, but got " << theta.value;
  if (!(factor >= 1) || !std::isfinite(factor))
    return emitError() << "(C3) expects a finite factor of 1 or above, but got " << factor.value;
  if (originalLength < (factor > 1 ? 1 : 0) || originalLength > INT32_MAX)
    return emitError() << "(C4) expects an original_length " << (factor > 1 ? "of 1 or above" : "of 0 or above")
                       << " within 31 bits, but got " << originalLength;
  if (!(betaSlow > 0) || !(betaFast >= betaSlow) || !std::isfinite(betaFast))
    return emitError() << "(C5) expects 0 < beta_slow <= beta_fast, both finite, but got " << betaSlow.value << " and " << betaFast.value;
  for (auto [name, value] : {std::pair("mscale", mscale), std::pair("mscale_all_dim", mscaleAllDim)})
    if (!(value >= 0) || !std::isfinite(value))
      return emitError() << "(C6) expects a finite " << name << " of 0 or above, but got " << value.value;
  return success();
}

static double mscaleOf(double scale, double mscale) { return scale <= 1 ? 1.0 : 0.1 * mscale * std::log(scale) + 1.0; }

double RopeAttr::getTableScale() const { return mscaleOf(getFactor(), getMscale()) / mscaleOf(getFactor(), getMscaleAllDim()); }

double RopeAttr::getSoftmaxFactor() const {
  double scale = mscaleOf(getFactor(), getMscaleAllDim());
  return scale * scale;
}

SmallVector<float> RopeAttr::getInverseFrequencies() const {
  int64_t pairs = getDims() / 2;
  SmallVector<float> frequencies;
  // The pair at which `rotations` full turns fit into the original length.
  auto pairOf = [&](double rotations) {
    return getDims() * std::log(getOriginalLength() / (rotations * 2 * std::numbers::pi)) / (2 * std::log(getTheta()));
  };
  double low = 0, high = 0;
  if (getFactor() > 1) {
    low = std::max(std::floor(pairOf(getBetaFast())), 0.0);
    high = std::min(std::ceil(pairOf(getBetaSlow())), double(getDims() - 1));
    if (low == high)
      high += 0.001; // the reference's guard against a division by zero
  }
  for (int64_t pair = 0; pair < pairs; ++pair) {
    double frequency = std::pow(getTheta(), -2.0 * pair / getDims());
    if (getFactor() > 1) {
      // Fast pairs keep their frequency, slow ones are interpolated, those between are blended.
      double interpolated = std::clamp((pair - low) / (high - low), 0.0, 1.0);
      frequency = frequency / getFactor() * interpolated + frequency * (1 - interpolated);
    }
    frequencies.push_back(float(frequency));
  }
  return frequencies;
}

//===--- Routing --------------------------------------------------------------------------------------------------------===//

LogicalResult RoutingAttr::verify(function_ref<InFlightDiagnostic()> emitError, Scoring scoring, Selection selection, int64_t experts,
                                  int64_t topK, int64_t groups, int64_t topGroups, bool normalize, Number scaling) {
  if (experts > INT32_MAX || topK <= 0 || topK > experts)
    return emitError() << "(C1) expects 1 .. experts choices of experts within 31 bits, but got " << topK << " of " << experts;
  if (groups <= 0 || experts % groups)
    return emitError() << "(C2) expects groups that divide " << experts << " experts, but got " << groups;
  if (topGroups <= 0 || topGroups > groups)
    return emitError() << "(C3) expects 1 .. " << groups << " chosen groups, but got " << topGroups;
  int64_t eligible = topGroups * (experts / groups);
  if (selection != Selection::greedy && topK > eligible)
    return emitError() << "(C4) expects at most the " << eligible << " experts of the chosen groups, but got top_k " << topK;
  if (selection == Selection::noaux_tc && groups > 1 && experts / groups < 2)
    return emitError() << "(C5) expects groups of two experts or more, a group's score being the sum of its two best, but got " << groups
                       << " groups of one";
  if (!isPositiveF32(scaling))
    return emitError() << "(C6) expects a scaling that is finite and positive in F32, but got " << scaling.value;
  return success();
}

//===--- Precision and configuration ------------------------------------------------------------------------------------===//

LogicalResult PrecisionAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type compute, StringRef by, QuantAttr lhs, QuantAttr rhs,
                                    Attribute storage) {
  if (!isa<FloatType>(compute))
    return emitError() << "(C1) expects a float dtype to compute in, but got " << compute;
  auto dtype = dyn_cast_or_null<TypeAttr>(storage);
  if (storage && !isa<QuantAttr>(storage) && !(dtype && isPlainDtype(dtype.getValue())))
    return emitError() << "(C2) expects a storage of f32, bf16, f16 or a #ds.quant, but got " << storage;
  return success();
}

LogicalResult ConfigAttr::verify(function_ref<InFlightDiagnostic()> emitError, Family family, int64_t vocabulary, int64_t hiddenSize,
                                 int64_t layers, int64_t heads, int64_t kvLoraRank, int64_t ropeHeadDim, int64_t maxPositions,
                                 int64_t experts, int64_t expertsPerToken) {
  for (auto [name, value] :
       {std::pair("vocabulary", vocabulary), std::pair("hidden_size", hiddenSize), std::pair("layers", layers), std::pair("heads", heads),
        std::pair("kv_lora_rank", kvLoraRank), std::pair("rope_head_dim", ropeHeadDim), std::pair("max_positions", maxPositions)})
    if (value <= 0 || value > INT32_MAX)
      return emitError() << "(C1) expects a positive " << name << " within 31 bits, but got " << value;
  if (experts < 0 || experts > INT32_MAX)
    return emitError() << "(C1) expects experts of 0 or above within 31 bits, but got " << experts;
  if (expertsPerToken < (experts ? 1 : 0) || expertsPerToken > experts)
    return emitError() << "(C2) expects " << (experts ? 1 : 0) << " .. " << experts << " experts a token, but got " << expertsPerToken;
  return success();
}

//===--- Policy ---------------------------------------------------------------------------------------------------------===//

// key = value, ...: a keyword and a string are both a StringAttr (printed as a keyword where it can be); overrides map paths to dtypes.
static ParseResult parseValue(AsmParser &parser, Attribute &value) {
  Builder builder(parser.getContext());
  StringRef keyword;
  if (succeeded(parser.parseOptionalKeyword(&keyword))) {
    if (keyword == "true" || keyword == "false")
      value = builder.getBoolAttr(keyword == "true");
    else
      value = builder.getStringAttr(keyword);
    return success();
  }
  return parser.parseAttribute(value);
}

/// NAME = value, ... between braces, each name once.
static ParseResult parseDictionary(AsmParser &parser, const char *what, Attribute &value,
                                   function_ref<ParseResult(Attribute &)> parseElement) {
  NamedAttrList entries;
  auto entry = [&]() -> ParseResult {
    std::string name;
    Attribute element;
    SMLoc location = parser.getCurrentLocation();
    if (parser.parseKeywordOrString(&name) || parser.parseEqual() || parseElement(element))
      return failure();
    if (entries.get(name))
      return parser.emitError(location, what) << " '" << name << "' stands twice in the policy: keep one";
    entries.append(name, element);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, entry))
    return failure();
  value = entries.getDictionary(parser.getContext());
  return success();
}

static ParseResult parseSetting(AsmParser &parser, StringRef key, Attribute &value) {
  if (key == "recipes")
    return parseDictionary(parser, "recipe", value, [&](Attribute &recipe) {
      return parseDictionary(parser, "field", recipe, [&](Attribute &field) { return parseValue(parser, field); });
    });
  if (key == "overrides") {
    Builder builder(parser.getContext());
    SmallVector<NamedAttribute> entries;
    llvm::StringMap<std::pair<Type, SMLoc>> seen;
    auto entry = [&]() -> ParseResult {
      std::string path;
      Type dtype;
      SMLoc location = parser.getCurrentLocation();
      if (parser.parseString(&path) || parser.parseEqual() || parser.parseType(dtype))
        return failure();
      auto [known, added] = seen.try_emplace(path, dtype, location);
      if (added)
        entries.emplace_back(builder.getStringAttr(path), TypeAttr::get(dtype));
      else if (known->second.first != dtype)
        return parser.emitError(location, "[DS1009] override '")
               << path << "' has two dtypes, " << known->second.first << " and " << dtype << ": keep one";
      else
        return parser.emitError(location, "[DS1009] override '") << path << "' stands twice: keep one";
      return success();
    };
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, entry))
      return failure();
    value = builder.getDictionaryAttr(entries);
    return success();
  }
  return parseValue(parser, value);
}

LogicalResult PolicyAttr::verify(function_ref<InFlightDiagnostic()> emitError, DictionaryAttr settings) {
  auto isText = [](Attribute value) {
    auto text = dyn_cast<StringAttr>(value);
    return text && isa<NoneType>(text.getType());
  };
  auto check = [&](const char *constraint, NamedAttribute setting) -> LogicalResult {
    auto list = dyn_cast<ArrayAttr>(setting.getValue());
    if (isText(setting.getValue()) || isa<BoolAttr, IntegerAttr, FloatAttr>(setting.getValue()) || (list && llvm::all_of(list, isText)))
      return success();
    return emitError() << constraint << " expects '" << setting.getName().getValue()
                       << "' to be a keyword, a string, a number or a list of strings, but got " << setting.getValue();
  };
  for (NamedAttribute setting : settings) {
    StringRef key = setting.getName().getValue();
    if (key == "overrides") // C1 is the grammar's
      continue;
    if (key != "recipes") {
      if (failed(check("(C2)", setting)))
        return failure();
      continue;
    }
    for (NamedAttribute recipe : cast<DictionaryAttr>(setting.getValue())) // that it is one is the grammar's
      for (NamedAttribute field : cast<DictionaryAttr>(recipe.getValue()))
        if (failed(check("(C3)", field)))
          return failure();
  }
  return success();
}

Attribute PolicyAttr::parse(AsmParser &parser, Type) {
  SMLoc begin = parser.getCurrentLocation();
  NamedAttrList settings;
  auto setting = [&]() -> ParseResult {
    std::string key;
    Attribute value;
    SMLoc location = parser.getCurrentLocation();
    if (parser.parseKeywordOrString(&key) || parser.parseEqual() || parseSetting(parser, key, value))
      return failure();
    if (settings.get(key))
      return parser.emitError(location, "'") << key << "' stands twice in the policy: keep one";
    settings.append(key, value);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater, setting))
    return {};
  return parser.getChecked<PolicyAttr>(begin, parser.getContext(), settings.getDictionary(parser.getContext()));
}

static void printValue(AsmPrinter &printer, Attribute value) {
  auto text = dyn_cast<StringAttr>(value);
  if (!text)
    printer.printAttribute(value);
  else if (text.getValue() == "true" || text.getValue() == "false") // as a keyword these two would read back as a bool
    printer.printString(text.getValue());
  else
    printer.printKeywordOrString(text.getValue());
}

static void printDictionary(AsmPrinter &printer, DictionaryAttr entries, function_ref<void(Attribute)> printElement) {
  printer << "{";
  llvm::interleaveComma(entries, printer, [&](NamedAttribute entry) {
    printer.printKeywordOrString(entry.getName().getValue());
    printer << " = ";
    printElement(entry.getValue());
  });
  printer << "}";
}

void PolicyAttr::print(AsmPrinter &printer) const {
  printer << "<";
  llvm::interleaveComma(getSettings(), printer, [&](NamedAttribute setting) {
    StringRef key = setting.getName().getValue();
    printer.printKeywordOrString(key);
    printer << " = ";
    auto entries = dyn_cast<DictionaryAttr>(setting.getValue());
    if (!entries) {
      printValue(printer, setting.getValue());
    } else if (key == "recipes") {
      printDictionary(printer, entries, [&](Attribute recipe) {
        printDictionary(printer, cast<DictionaryAttr>(recipe), [&](Attribute field) { printValue(printer, field); });
      });
    } else {
      printer << "{";
      llvm::interleaveComma(entries, printer, [&](NamedAttribute entry) {
        printer.printString(entry.getName().getValue());
        printer << " = " << cast<TypeAttr>(entry.getValue()).getValue();
      });
      printer << "}";
    }
  });
  printer << ">";
}
