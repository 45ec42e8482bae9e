-- SPDX-License-Identifier: Apache-2.0
-- A tour: lists the tools, then calls three of them. `llmspell run examples/tour.lua [NAME]`
local who = arg[1] or "llmspell"

print("tools:")
for _, tool in ipairs(Tool.list()) do
  print(("  %-18s %s"):format(tool.name, tool.title))
end

local sum = Tool.calculator{input = "2*x + 1", variables = {x = 5}}
print(("calculator        2*x + 1 with x = 5 is %d"):format(sum.result))

local hash = Tool.hash_calculator{input = who, algorithm = "sha256"}
print(("hash_calculator   sha256(%q) is %s…"):format(who, hash.hash:sub(1, 16)))

local name = ("llmspell-tour-%s.txt"):format(Tool.uuid_generator{short = true}.uuid)
Tool.file_operations{operation = "write", path = name, input = "written by a tool\n"}
local back = Tool.file_operations{operation = "read", path = name}
Tool.file_operations{operation = "delete", path = name}
print(("file_operations   wrote and read back %d bytes: %s"):format(back.bytes, back.content:gsub("\n", "")))

-- Errors carry a code, and say which parameter is to blame.
local ok, err = pcall(Tool.calculator, {input = "2 *"})
print(("an error          ok=%s code=%s path=%s"):format(ok, err.code, err.path))
