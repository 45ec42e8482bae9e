# SPDX-License-Identifier: Apache-2.0
"""unit_converter where its cases.json cannot reach: all names of all units, the proposals."""


def invoke(llmspell, **params):
    return llmspell.json("tool", "invoke", "unit_converter",
                         *[f"{key}={value}" for key, value in params.items()])


def test_no_name_has_two_meanings(llmspell):
    categories = invoke(llmspell, operation="list")["result"]["categories"]
    units = [unit for category in categories for unit in category["units"]]
    symbols = [unit["symbol"] for unit in units]
    assert len(set(symbols)) == len(symbols) > 150
    names = [name for unit in units for name in unit["names"]]  # MBps is not Mbps
    assert len(set(names)) == len(names)
    for unit in units:
        for name in unit["names"]:  # a symbol of another unit would hide it
            assert name not in symbols or name == unit["symbol"], name


def test_the_base_is_the_first_with_factor_1(llmspell):
    for category in invoke(llmspell, operation="list")["result"]["categories"]:
        assert category["units"][0]["symbol"] == category["base"]
        assert category["units"][0]["factor"] == 1


def test_proposals(llmspell):
    for wrong, meant in (("kilometr", "kilometre"), ("celcius", "celsius"), ("KM", "km"),
                         ("poundz", "pound"), ("Farenheit", "fahrenheit"), ("kwh", "kWh")):
        error = invoke(llmspell, value=1, to="m", **{"from": wrong})["error"]
        assert error["code"] == "invalid_params" and error["path"] == "/from"
        assert meant in error["message"] and error["message"].count(",") <= 2, error
    assert "mean" not in invoke(llmspell, value=1, to="m", **{"from": "xxxxxxxx"})["error"]["message"]
