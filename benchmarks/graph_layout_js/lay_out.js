// Lays out the graph in a JSON file with dagre or ELK: node lay_out.js (dagre|elk) FILE
// Prints {"seconds", "megabytes"} of the layout alone: the file is read and the library loaded before.
"use strict";
const fs = require("fs");
const {performance} = require("perf_hooks");

const [rival, file] = process.argv.slice(2);
const graph = JSON.parse(fs.readFileSync(file, "utf8"));

function done(start) {
  const seconds = (performance.now() - start) / 1e3;
  console.log(JSON.stringify({seconds, megabytes: process.resourceUsage().maxRSS / 1024}));
}

if (rival === "dagre") {
  const dagre = require("@dagrejs/dagre");
  const given = new dagre.graphlib.Graph({multigraph: true});
  given.setGraph({rankdir: "BT", nodesep: 24, ranksep: 34, edgesep: 10});
  given.setDefaultEdgeLabel(() => ({}));
  graph.width.forEach((width, node) => given.setNode(String(node), {width, height: graph.height[node]}));
  graph.source.forEach((source, edge) => given.setEdge(String(source), String(graph.target[edge]), {}, String(edge)));
  const start = performance.now();
  dagre.layout(given);
  done(start);
} else {
  const ELK = require("elkjs");
  const elk = new ELK();
  const given = {
    id: "graph",
    layoutOptions: {"elk.algorithm": "layered", "elk.direction": "UP"},
    children: graph.width.map((width, node) => ({id: `n${node}`, width, height: graph.height[node]})),
    edges: graph.source.map((source, edge) => ({id: `e${edge}`, sources: [`n${source}`], targets: [`n${graph.target[edge]}`]})),
  };
  const start = performance.now();
  elk.layout(given).then(() => done(start));
}
