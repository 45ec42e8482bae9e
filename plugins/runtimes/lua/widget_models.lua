-- SPDX-License-Identifier: Apache-2.0
-- The models of ipywidgets 8 (protocol 2.1) that Widget offers: attributes with kind and default.
-- Loaded by widget.c; returns {name = model}.
local native = ...
local null = native.null

local CONTROLS, BASE = "@jupyter-widgets/controls", "@jupyter-widgets/base"

local function int(default) return {kind = "integer", default = default} end
local function float(default) return {kind = "number", default = default} end
local function flag(default) return {kind = "boolean", default = default} end
local function text(default) return {kind = "string", default = default or ""} end
local function list() return {kind = "list"} end
local function style(name) return {kind = "widget", model = name} end

-- An attribute that may be nil, which is null on the wire.
local function maybe(attribute)
  attribute.nullable, attribute.default = true, null
  return attribute
end

local models = {}

local function model(name, spec, ...)
  spec.name = name
  spec.module = spec.module or CONTROLS
  spec.version = spec.version or "2.0.0"
  spec.view_version = spec.view_module and "2.0.0" or spec.version
  spec.view_module = spec.view_module or spec.module
  spec.view = spec.view or name .. "View"
  for _, more in ipairs{...} do
    for key, attribute in pairs(more) do spec.attributes[key] = attribute end
  end
  models[name] = spec
end

-- ---- layout and styles ----

local layout = {}
for key in ([[align_content align_items align_self border_bottom border_left border_right border_top
    bottom display flex flex_flow grid_area grid_auto_columns grid_auto_flow grid_auto_rows
    grid_column grid_gap grid_row grid_template_areas grid_template_columns grid_template_rows height
    justify_content justify_items left margin max_height max_width min_height min_width object_fit
    object_position order overflow padding right top visibility width]]):gmatch("%S+") do
  layout[key] = maybe(text())
end
model("Layout", {module = BASE, attributes = layout})

local function style_model(name, optional, description)
  local attributes = {description_width = description and text() or nil}
  for key in optional:gmatch("%S+") do attributes[key] = maybe(text()) end
  model(name, {attributes = attributes, view = "StyleView", view_module = BASE})
end

local FONT = "font_family font_size font_style font_variant font_weight text_color text_decoration"
style_model("DescriptionStyle", "", true)
style_model("SliderStyle", "handle_color", true)
style_model("ProgressStyle", "bar_color", true)
style_model("CheckboxStyle", "background", true)
style_model("TextStyle", "background font_size text_color", true)
style_model("HTMLStyle", "background font_size text_color", true)
style_model("LabelStyle", "background " .. FONT, true)
style_model("ButtonStyle", "button_color " .. FONT, false)

-- ---- controls ----

local function dom()
  return {layout = style("Layout"), tabbable = maybe(flag()), tooltip = maybe(text()),
          _dom_classes = list()}
end

local function described(style_name)
  return {description = text(), description_allow_html = flag(false), style = style(style_name)}
end

local function enabled() return {disabled = flag(false)} end

local function slider(format)
  return {behavior = text("drag-tap"), continuous_update = flag(true), readout = flag(true),
          orientation = text("horizontal"), readout_format = text(format)}
end

local function typed(continuous)
  return {continuous_update = flag(continuous)}
end

local PLACEHOLDER = "\u{200b}"

model("IntSlider", {attributes = {value = int(0), min = int(0), max = int(100), step = int(1)}},
      slider("d"), enabled(), described("SliderStyle"), dom())
model("FloatSlider", {attributes = {value = float(0.0), min = float(0.0), max = float(100.0),
                                    step = float(0.1)}},
      slider(".2f"), enabled(), described("SliderStyle"), dom())
model("IntText", {attributes = {value = int(0), step = int(1)}}, typed(false), enabled(),
      described("DescriptionStyle"), dom())
model("FloatText", {attributes = {value = float(0.0), step = maybe(float())}}, typed(false),
      enabled(), described("DescriptionStyle"), dom())
model("Checkbox", {attributes = {value = flag(false), indent = flag(true)}}, enabled(),
      described("CheckboxStyle"), dom())
model("Text", {attributes = {value = text(), placeholder = text(PLACEHOLDER)}}, typed(true),
      enabled(), described("TextStyle"), dom())
model("Textarea", {attributes = {value = text(), placeholder = text(PLACEHOLDER),
                                 rows = maybe(int())}},
      typed(true), enabled(), described("TextStyle"), dom())
model("Dropdown", {attributes = {_options_labels = list(), index = maybe(int())}}, enabled(),
      described("DescriptionStyle"), dom())
model("Button", {attributes = {description = text(), icon = text(), button_style = text(),
                               style = style("ButtonStyle")}},
      enabled(), dom())
model("HTML", {attributes = {value = text(), placeholder = text(PLACEHOLDER)}},
      described("HTMLStyle"), dom())
model("Label", {attributes = {value = text(), placeholder = text(PLACEHOLDER)}},
      described("LabelStyle"), dom())
model("IntProgress", {view = "ProgressView",
                      attributes = {value = int(0), min = int(0), max = int(100),
                                    bar_style = text(), orientation = text("horizontal")}},
      described("ProgressStyle"), dom())

-- ---- containers ----

for _, name in ipairs{"HBox", "VBox"} do
  model(name, {attributes = {children = {kind = "widgets"}, box_style = text()}}, dom())
end
model("Output", {module = "@jupyter-widgets/output", version = "1.0.0",
                 attributes = {msg_id = text(), outputs = list()}},
      dom())

return models
