#!/usr/bin/env python3
"""Draws a flame graph from the output of `perf script`.

Usage: perf script --show-task-events -F comm,pid,tid,event,ip,sym | flame_graph.py TITLE OUTPUT.svg [PROGRAM]

A box is a function, as wide as its share of the samples; below it is its caller, at the bottom the
thread. Hover: the whole name and the share. Click: the box as wide as the picture; click the bottom
row to see all again. With PROGRAM: only samples of processes that execute it.
"""
import html
import re
import sys
import zlib

WIDTH, ROW, MARGIN, LETTER = 1200, 17, 30, 6.6
SMALLEST = 0.3  # Pixels: what is narrower is left out.
# `pool 4711/4713 cpu-clock: ` and, of a task event, what follows.
HEADER = re.compile(r"^\s*(\S.*?)\s+(\d+)/(\d+)\s+(.*)$")
EXECUTES = re.compile(r"PERF_RECORD_COMM exec: (.+):(\d+)/\d+")
FORKS = re.compile(r"PERF_RECORD_FORK\((\d+):\d+\):\((\d+):\d+\)")
FRAME = re.compile(r"^\s+[0-9a-f]+\s+(.*?)\s*$")
SCRIPT = """
function all() { return Array.from(document.querySelectorAll('g.box')); }
function number(box, name) { return parseFloat(box.dataset[name]); }
function zoom(chosen) {
  const left = number(chosen, 'x'), share = number(chosen, 'w') / WIDTH, depth = number(chosen, 'd');
  for (const box of all()) {
    const x = number(box, 'x'), w = number(box, 'w'), rect = box.querySelector('rect'), text = box.querySelector('text');
    const below = number(box, 'd') < depth && x <= left + 0.01 && x + w >= left + share * WIDTH - 0.01;
    const above = number(box, 'd') >= depth && x >= left - 0.01 && x + w <= left + share * WIDTH + 0.01;
    box.style.display = below || above ? '' : 'none';
    const newX = below ? 0 : (x - left) / share, newW = below ? WIDTH : w / share;
    rect.setAttribute('x', newX); rect.setAttribute('width', newW);
    text.setAttribute('x', newX + 3);
    const letters = Math.floor((newW - 6) / LETTER), name = box.dataset.name;
    text.textContent = letters < 3 ? '' : name.length <= letters ? name : name.slice(0, letters - 2) + '..';
  }
}
for (const box of all()) box.addEventListener('click', () => zoom(box));
"""


class Node:
    """A function called from where its parent says; its samples and those of what it calls."""

    def __init__(self):
        self.count, self.callees = 0, {}

    def add(self, stack):
        node = self
        node.count += 1
        for name in stack:
            node = node.callees.setdefault(name, Node())
            node.count += 1

    def depth(self):
        return 1 + max((callee.depth() for callee in self.callees.values()), default=0)


def stacks_of(lines, program):
    """The stacks, each from the thread's name to the innermost function."""
    executes, frames, thread = {}, [], None
    for line in [*lines, ""]:
        frame = FRAME.match(line) if thread is not None else None
        if frame:
            name = frame.group(1)
            # A library without symbols, or no stack at all: however many, they say the same.
            if name != "[unknown]" or frames[-1:] != [name]:
                frames.append(name)
            continue
        if thread is not None and (program is None or executes.get(thread[1]) == program):
            yield [thread[0], *reversed(frames)]
        frames, thread = [], None
        header = HEADER.match(line)
        if not header:
            continue
        if task := EXECUTES.search(line):
            executes[task.group(2)] = task.group(1)
        elif task := FORKS.search(line):
            executes[task.group(1)] = executes.get(task.group(2))
        elif "PERF_RECORD_" not in line:
            thread = header.group(1), header.group(2)


def colour_of(name, depth):
    seed = zlib.crc32(name.encode())
    if depth < 2:
        return "rgb(200,200,200)"
    return f"rgb({205 + seed % 50},{90 + seed // 50 % 130},{seed // 6500 % 55})"


def boxes_of(name, node, x, scale, depth, height):
    """The SVG of a node and all that it calls."""
    width = node.count * scale
    if width < SMALLEST:
        return
    y = height - MARGIN - (depth + 1) * ROW
    letters = int((width - 6) / LETTER)
    label = "" if letters < 3 else name if len(name) <= letters else name[:letters - 2] + ".."
    yield (f'<g class="box" data-x="{x:.2f}" data-w="{width:.2f}" data-d="{depth}" data-name="{html.escape(name)}">'
           f"<title>{html.escape(name)}: {node.count} samples, {100 * width / WIDTH:.1f} %</title>"
           f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{ROW - 1}" rx="2" fill="{colour_of(name, depth)}"/>'
           f'<text x="{x + 3:.2f}" y="{y + 12}">{html.escape(label)}</text></g>')
    for callee, below in sorted(node.callees.items()):
        yield from boxes_of(callee, below, x, scale, depth + 1, height)
        x += below.count * scale


def svg_of(title, root):
    height = (root.depth() + 1) * ROW + 2 * MARGIN
    boxes = "\n".join(boxes_of("all", root, 0, WIDTH / root.count, 0, height))
    script = SCRIPT.replace("WIDTH", str(WIDTH)).replace("LETTER", str(LETTER))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">
<style>text {{ font: 11px monospace; pointer-events: none; }} g.box {{ cursor: pointer; }}
g.box:hover rect {{ stroke: black; }}</style>
<rect width="100%" height="100%" fill="white"/>
<text x="3" y="18">{html.escape(title)}: {root.count} samples</text>
{boxes}
<script><![CDATA[{script}]]></script>
</svg>
"""


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    title, output = sys.argv[1:3]
    root = Node()
    sys.stdin.reconfigure(errors="replace")
    for stack in stacks_of((line.rstrip("\n") for line in sys.stdin), sys.argv[3] if len(sys.argv) == 4 else None):
        root.add(stack)
    if root.count == 0:
        sys.exit("flame_graph.py: no samples")
    sys.setrecursionlimit(10_000)
    with open(output, "w", encoding="utf-8") as file:
        file.write(svg_of(title, root))


if __name__ == "__main__":
    main()
