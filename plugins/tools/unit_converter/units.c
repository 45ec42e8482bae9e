/* SPDX-License-Identifier: Apache-2.0
 * All units, by category; factors are definitions, not measurements, and thus exact. Names are in
 * British and American spelling, singular and plural. */
#include "units.h"

#define METRE(prefix) prefix "metre|" prefix "metres|" prefix "meter|" prefix "meters"
#define LITRE(prefix) prefix "litre|" prefix "litres|" prefix "liter|" prefix "liters"
#define PLAIN(name) name "|" name "s"

static const struct unit LENGTH[] = {
    {.symbol = "m", .factor = "1", .names = METRE("")},
    {.symbol = "km", .factor = "1000", .names = METRE("kilo")},
    {.symbol = "cm", .factor = "0.01", .names = METRE("centi")},
    {.symbol = "mm", .factor = "0.001", .names = METRE("milli")},
    {.symbol = "um", .factor = "0.000001", .names = METRE("micro") "|µm|" PLAIN("micron")},
    {.symbol = "nm", .factor = "0.000000001", .names = METRE("nano")},
    {.symbol = "mi", .factor = "1609.344", .names = PLAIN("mile")},
    {.symbol = "yd", .factor = "0.9144", .names = PLAIN("yard")},
    {.symbol = "ft", .factor = "0.3048", .names = "foot|feet"},
    {.symbol = "in", .factor = "0.0254", .names = "inch|inches"},
    {.symbol = "nmi", .factor = "1852", .names = PLAIN("nautical mile")},
    {.symbol = "ly",
     .factor = "9460730472580800",
     .names = "light year|light years|lightyear|lightyears"},
    {.symbol = "au", .factor = "149597870700", .names = PLAIN("astronomical unit")},
    {.symbol = "pc", .factor = "648000*149597870700/pi", .names = PLAIN("parsec")},
};

static const struct unit MASS[] = {
    {.symbol = "kg", .factor = "1", .names = PLAIN("kilogram") "|" PLAIN("kilogramme")},
    {.symbol = "g", .factor = "0.001", .names = PLAIN("gram") "|" PLAIN("gramme")},
    {.symbol = "mg", .factor = "0.000001", .names = PLAIN("milligram")},
    {.symbol = "ug", .factor = "0.000000001", .names = PLAIN("microgram") "|µg"},
    {.symbol = "t", .factor = "1000", .names = PLAIN("tonne") "|" PLAIN("metric ton")},
    {.symbol = "lb", .factor = "0.45359237", .names = PLAIN("pound") "|lbs"},
    {.symbol = "oz", .factor = "0.45359237/16", .names = PLAIN("ounce")},
    {.symbol = "st", .factor = "0.45359237*14", .names = "stone|stones"},
    {.symbol = "ct", .factor = "0.0002", .names = PLAIN("carat")},
    {.symbol = "short_ton",
     .factor = "0.45359237*2000",
     .names = PLAIN("short ton") "|us ton|us tons"},
    {.symbol = "long_ton",
     .factor = "0.45359237*2240",
     .names = PLAIN("long ton") "|" PLAIN("imperial ton")},
};

static const struct unit TIME[] = {
    {.symbol = "s", .factor = "1", .names = PLAIN("second") "|sec|secs"},
    {.symbol = "ms", .factor = "0.001", .names = PLAIN("millisecond")},
    {.symbol = "us", .factor = "0.000001", .names = PLAIN("microsecond") "|µs"},
    {.symbol = "ns", .factor = "0.000000001", .names = PLAIN("nanosecond")},
    {.symbol = "min", .factor = "60", .names = PLAIN("minute") "|mins"},
    {.symbol = "h", .factor = "3600", .names = PLAIN("hour") "|hr|hrs"},
    {.symbol = "d", .factor = "86400", .names = PLAIN("day")},
    {.symbol = "wk", .factor = "604800", .names = PLAIN("week")},
    {.symbol = "yr", .factor = "31557600", .names = PLAIN("year") "|" PLAIN("julian year")},
    {.symbol = "mo", .factor = "31557600/12", .names = PLAIN("month")},
};

static const struct unit TEMPERATURE[] = {
    {.symbol = "K", .factor = "1", .offset = "0", .names = PLAIN("kelvin")},
    {.symbol = "C",
     .factor = "1",
     .offset = "273.15",
     .names = "celsius|°c|degree celsius|degrees celsius|centigrade",
     .others = "℃"},
    {.symbol = "F",
     .factor = "5/9",
     .offset = "459.67",
     .names = "fahrenheit|°f|degree fahrenheit|degrees fahrenheit",
     .others = "℉"},
    {.symbol = "R",
     .factor = "5/9",
     .offset = "0",
     .names = "rankine|°r|degree rankine|degrees rankine"},
};

static const struct unit AREA[] = {
    {.symbol = "m2", .factor = "1", .names = METRE("square ") "|m²|sq m", .others = "m^2"},
    {.symbol = "km2",
     .factor = "1000000",
     .names = METRE("square kilo") "|km²|sq km",
     .others = "km^2"},
    {.symbol = "cm2",
     .factor = "0.0001",
     .names = METRE("square centi") "|cm²|sq cm",
     .others = "cm^2"},
    {.symbol = "mm2",
     .factor = "0.000001",
     .names = METRE("square milli") "|mm²|sq mm",
     .others = "mm^2"},
    {.symbol = "ha", .factor = "10000", .names = PLAIN("hectare")},
    {.symbol = "acre", .factor = "4046.8564224", .names = PLAIN("acre")},
    {.symbol = "ft2",
     .factor = "0.3048*0.3048",
     .names = "square foot|square feet|ft²|sq ft",
     .others = "ft^2"},
    {.symbol = "in2",
     .factor = "0.0254*0.0254",
     .names = "square inch|square inches|in²|sq in",
     .others = "in^2"},
    {.symbol = "yd2",
     .factor = "0.9144*0.9144",
     .names = PLAIN("square yard") "|yd²|sq yd",
     .others = "yd^2"},
    {.symbol = "mi2",
     .factor = "1609.344*1609.344",
     .names = PLAIN("square mile") "|mi²|sq mi",
     .others = "mi^2"},
};

static const struct unit VOLUME[] = {
    {.symbol = "m3", .factor = "1", .names = METRE("cubic ") "|m³", .others = "m^3"},
    {.symbol = "L", .factor = "0.001", .names = LITRE(""), .others = "l"},
    {.symbol = "mL",
     .factor = "0.000001",
     .names = LITRE("milli") "|cm3|cm³|" METRE("cubic centi"),
     .others = "ml"},
    {.symbol = "cL", .factor = "0.00001", .names = LITRE("centi"), .others = "cl"},
    {.symbol = "dL", .factor = "0.0001", .names = LITRE("deci"), .others = "dl"},
    {.symbol = "ft3",
     .factor = "0.3048*0.3048*0.3048",
     .names = "cubic foot|cubic feet|ft³|cu ft",
     .others = "ft^3"},
    {.symbol = "in3",
     .factor = "0.0254*0.0254*0.0254",
     .names = "cubic inch|cubic inches|in³|cu in",
     .others = "in^3"},
    {.symbol = "gal", .factor = "0.003785411784", .names = PLAIN("gallon") "|" PLAIN("us gallon")},
    {.symbol = "qt", .factor = "0.003785411784/4", .names = PLAIN("quart") "|" PLAIN("us quart")},
    {.symbol = "pt", .factor = "0.003785411784/8", .names = PLAIN("pint") "|" PLAIN("us pint")},
    {.symbol = "cup", .factor = "0.003785411784/16", .names = PLAIN("cup") "|" PLAIN("us cup")},
    {.symbol = "floz",
     .factor = "0.003785411784/128",
     .names = PLAIN("fluid ounce") "|fl oz|" PLAIN("us fluid ounce")},
    {.symbol = "tbsp", .factor = "0.003785411784/256", .names = PLAIN("tablespoon")},
    {.symbol = "tsp", .factor = "0.003785411784/768", .names = PLAIN("teaspoon")},
    {.symbol = "gal_uk",
     .factor = "0.00454609",
     .names = PLAIN("uk gallon") "|" PLAIN("imperial gallon")},
    {.symbol = "pt_uk",
     .factor = "0.00454609/8",
     .names = PLAIN("uk pint") "|" PLAIN("imperial pint")},
    {.symbol = "bbl",
     .factor = "0.003785411784*42",
     .names = PLAIN("barrel") "|" PLAIN("oil barrel")},
};

static const struct unit SPEED[] = {
    {.symbol = "m/s",
     .factor = "1",
     .names = "metre per second|metres per second|meter per second|meters per second|mps"},
    {.symbol = "km/h",
     .factor = "1000/3600",
     .names =
         "kilometre per hour|kilometres per hour|kilometer per hour|kilometers per hour|kmh|kph"},
    {.symbol = "mph", .factor = "1609.344/3600", .names = "mile per hour|miles per hour|mi/h"},
    {.symbol = "kn", .factor = "1852/3600", .names = PLAIN("knot") "|kt|kts"},
    {.symbol = "ft/s", .factor = "0.3048", .names = "foot per second|feet per second|fps"},
    {.symbol = "c", .factor = "299792458", .names = "speed of light"},
};

static const struct unit PRESSURE[] = {
    {.symbol = "Pa", .factor = "1", .names = PLAIN("pascal")},
    {.symbol = "hPa", .factor = "100", .names = PLAIN("hectopascal")},
    {.symbol = "kPa", .factor = "1000", .names = PLAIN("kilopascal")},
    {.symbol = "MPa", .factor = "1000000", .names = PLAIN("megapascal")},
    {.symbol = "bar", .factor = "100000", .names = PLAIN("bar")},
    {.symbol = "mbar", .factor = "100", .names = PLAIN("millibar")},
    {.symbol = "atm", .factor = "101325", .names = PLAIN("atmosphere")},
    {.symbol = "psi",
     .factor = "4.4482216152605/0.0254/0.0254",
     .names = "pound per square inch|pounds per square inch|lbf/in2"},
    {.symbol = "Torr", .factor = "101325/760", .names = "torr|torrs"},
    {.symbol = "mmHg",
     .factor = "133.322387415",
     .names = "millimetre of mercury|millimetres of mercury|millimeter of mercury|millimeters of "
              "mercury"},
};

static const struct unit ENERGY[] = {
    {.symbol = "J", .factor = "1", .names = PLAIN("joule")},
    {.symbol = "kJ", .factor = "1000", .names = PLAIN("kilojoule")},
    {.symbol = "MJ", .factor = "1000000", .names = PLAIN("megajoule")},
    {.symbol = "cal", .factor = "4.184", .names = PLAIN("calorie")},
    {.symbol = "kcal", .factor = "4184", .names = PLAIN("kilocalorie")},
    {.symbol = "Wh", .factor = "3600", .names = PLAIN("watt hour")},
    {.symbol = "kWh", .factor = "3600000", .names = PLAIN("kilowatt hour")},
    {.symbol = "BTU",
     .factor = "1055.05585262",
     .names = PLAIN("british thermal unit") "|btu|btus"},
    {.symbol = "eV",
     .factor = "0.0000000000000000001602176634",
     .names = PLAIN("electronvolt") "|" PLAIN("electron volt")},
};

static const struct unit POWER[] = {
    {.symbol = "W", .factor = "1", .names = PLAIN("watt")},
    {.symbol = "mW", .factor = "0.001", .names = PLAIN("milliwatt")},
    {.symbol = "kW", .factor = "1000", .names = PLAIN("kilowatt")},
    {.symbol = "MW", .factor = "1000000", .names = PLAIN("megawatt")},
    {.symbol = "GW", .factor = "1000000000", .names = PLAIN("gigawatt")},
    {.symbol = "hp", .factor = "745.69987158227022", .names = "horsepower|mechanical horsepower"},
    {.symbol = "PS", .factor = "735.49875", .names = "metric horsepower"},
};

static const struct unit FORCE[] = {
    {.symbol = "N", .factor = "1", .names = PLAIN("newton")},
    {.symbol = "kN", .factor = "1000", .names = PLAIN("kilonewton")},
    {.symbol = "lbf", .factor = "4.4482216152605", .names = "pound force|pounds force"},
    {.symbol = "kgf",
     .factor = "9.80665",
     .names = "kilogram force|kilograms force|" PLAIN("kilopond")},
    {.symbol = "dyn", .factor = "0.00001", .names = PLAIN("dyne")},
};

static const struct unit ANGLE[] = {
    {.symbol = "rad", .factor = "1", .names = PLAIN("radian")},
    {.symbol = "deg", .factor = "pi/180", .names = PLAIN("degree") "|°"},
    {.symbol = "arcmin",
     .factor = "pi/10800",
     .names = PLAIN("arcminute") "|minute of arc|minutes of arc"},
    {.symbol = "arcsec",
     .factor = "pi/648000",
     .names = PLAIN("arcsecond") "|second of arc|seconds of arc"},
    {.symbol = "grad", .factor = "pi/200", .names = PLAIN("gradian") "|gon|gons"},
    {.symbol = "turn", .factor = "2*pi", .names = PLAIN("turn") "|" PLAIN("revolution")},
};

static const struct unit FREQUENCY[] = {
    {.symbol = "Hz", .factor = "1", .names = "hertz"},
    {.symbol = "kHz", .factor = "1000", .names = "kilohertz"},
    {.symbol = "MHz", .factor = "1000000", .names = "megahertz"},
    {.symbol = "GHz", .factor = "1000000000", .names = "gigahertz"},
    {.symbol = "rpm", .factor = "1/60", .names = "revolution per minute|revolutions per minute"},
};

#define KI "1024"
#define MI KI "*1024"
#define GI MI "*1024"
#define TI GI "*1024"
#define PI TI "*1024"
#define DATA(text, bits, name, alias) {.symbol = text, .factor = bits, .names = PLAIN(name)},
#define RATE(text, bits, name, alias)                                                              \
    {.symbol = text "/s",                                                                          \
     .factor = bits,                                                                               \
     .names = name " per second|" name "s per second",                                             \
     .others = alias},
#define BITS(unit, symbol, second, power, prefix)                                                  \
    unit(symbol "bit", power, prefix "bit", symbol "bps" second)
#define BYTES(unit, symbol, power, prefix) unit(symbol "B", power "*8", prefix "byte", symbol "Bps")
/* Mbps and mbps are bits, MBps are bytes: one letter is a factor of 8. */
#define BOTH(unit, symbol, second, power, prefix)                                                  \
    BITS(unit, symbol, second, power, prefix) BYTES(unit, symbol, power, prefix)
#define DATA_UNITS(unit)                                                                           \
    BOTH(unit, "", "", "1", "")                                                                    \
    BOTH(unit, "k", "|Kbps", "1000", "kilo")                                                       \
    BOTH(unit, "M", "|mbps", "1000000", "mega")                                                    \
    BOTH(unit, "G", "|gbps", "1000000000", "giga")                                                 \
    BOTH(unit, "T", "|tbps", "1000000000000", "tera")                                              \
    BOTH(unit, "P", "|pbps", "1000000000000000", "peta")                                           \
    BOTH(unit, "Ki", "|kibps", KI, "kibi")                                                         \
    BOTH(unit, "Mi", "|mibps", MI, "mebi")                                                         \
    BOTH(unit, "Gi", "|gibps", GI, "gibi")                                                         \
    BOTH(unit, "Ti", "|tibps", TI, "tebi")                                                         \
    BOTH(unit, "Pi", "|pibps", PI, "pebi")

static const struct unit DATA_SIZE[] = {DATA_UNITS(DATA)};
static const struct unit DATA_RATE[] = {DATA_UNITS(RATE)};

static const struct unit FUEL[] = {
    {.symbol = "km/L",
     .factor = "1",
     .names =
         "kilometre per litre|kilometres per litre|kilometer per liter|kilometers per liter|kmpl"},
    {.symbol = "L/100km",
     .factor = "100",
     .reciprocal = true,
     .names = "litre per 100 kilometres|litres per 100 kilometres|liter per 100 kilometers|liters "
              "per 100 kilometers|l/100 km"},
    {.symbol = "mpg",
     .factor = "1.609344/3.785411784",
     .names = "mile per gallon|miles per gallon"},
    {.symbol = "mpg_uk",
     .factor = "1.609344/4.54609",
     .names = "mile per uk gallon|miles per uk gallon|mile per imperial gallon|miles per imperial "
              "gallon"},
};

#define UNITS(table) table, sizeof table / sizeof table[0]

const struct category units_categories[] = {
    {"length", UNITS(LENGTH)},       {"mass", UNITS(MASS)},
    {"time", UNITS(TIME)},           {"temperature", UNITS(TEMPERATURE)},
    {"area", UNITS(AREA)},           {"volume", UNITS(VOLUME)},
    {"speed", UNITS(SPEED)},         {"pressure", UNITS(PRESSURE)},
    {"energy", UNITS(ENERGY)},       {"power", UNITS(POWER)},
    {"force", UNITS(FORCE)},         {"angle", UNITS(ANGLE)},
    {"frequency", UNITS(FREQUENCY)}, {"data", UNITS(DATA_SIZE)},
    {"data_rate", UNITS(DATA_RATE)}, {"fuel", UNITS(FUEL)},
};
const size_t units_category_count = sizeof units_categories / sizeof units_categories[0];
