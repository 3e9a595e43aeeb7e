/** Pins and clusters: what stands on the map, drawn by us so that every state has its colour and its shape. */
import type { Tone } from "../states";
import { colour } from "../look/theme.svelte";

export type PinTone = Extract<Tone, "free" | "charging" | "waiting" | "reserved" | "fault" | "off">;

/** In the order of a cluster's ring, clockwise from the top. */
export const PIN_TONES: readonly PinTone[] = ["fault", "charging", "waiting", "reserved", "free", "off"];

const SIZE = 26;
const SHARP = 2;

const SHAPES: Record<PinTone, (pen: CanvasRenderingContext2D) => void> = {
  free: (pen) => ring(pen),
  charging: (pen) => polygon(pen, [[1.2, -6], [-4, 1.4], [-0.6, 1.4], [-1.6, 6], [4, -1.6], [0.6, -1.6]]), // prettier-ignore
  waiting: (pen) => half(pen),
  reserved: (pen) => polygon(pen, [[0, -5], [5, 0], [0, 5], [-5, 0]]), // prettier-ignore
  fault: (pen) => exclamation(pen),
  off: (pen) => cross(pen),
};

/** A pin of this tone as an image for the map (twice as sharp as its size on screen). */
export function pin(tone: PinTone): ImageData {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE * SHARP;
  const pen = canvas.getContext("2d")!;
  pen.scale(SHARP, SHARP);
  pen.translate(SIZE / 2, SIZE / 2);
  pen.beginPath();
  pen.arc(0, 0, 11, 0, 2 * Math.PI);
  pen.fillStyle = colour(`--${tone}`);
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = colour("--surface");
  pen.stroke();
  pen.fillStyle = pen.strokeStyle = colour("--surface");
  pen.lineCap = "round";
  SHAPES[tone](pen);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

export const PIN_SHARPNESS = SHARP;

function ring(pen: CanvasRenderingContext2D): void {
  pen.beginPath();
  pen.arc(0, 0, 4, 0, 2 * Math.PI);
  pen.lineWidth = 2.4;
  pen.stroke();
}

function half(pen: CanvasRenderingContext2D): void {
  ring(pen);
  pen.beginPath();
  pen.arc(0, 0, 4, -Math.PI / 2, Math.PI / 2);
  pen.fill();
}

function cross(pen: CanvasRenderingContext2D): void {
  pen.lineWidth = 2.4;
  pen.beginPath();
  pen.moveTo(-3.5, -3.5);
  pen.lineTo(3.5, 3.5);
  pen.moveTo(3.5, -3.5);
  pen.lineTo(-3.5, 3.5);
  pen.stroke();
}

function exclamation(pen: CanvasRenderingContext2D): void {
  pen.lineWidth = 2.6;
  pen.beginPath();
  pen.moveTo(0, -5);
  pen.lineTo(0, 1);
  pen.moveTo(0, 5);
  pen.lineTo(0, 5.01);
  pen.stroke();
}

function polygon(pen: CanvasRenderingContext2D, points: readonly (readonly [number, number])[]): void {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(x, y);
  pen.closePath();
  pen.fill();
}

/** A cluster as an element: a ring whose parts are its stations by state, and their number inside. */
export function clusterElement(counts: Readonly<Record<PinTone, number>>, label: string): HTMLButtonElement {
  const total = PIN_TONES.reduce((sum, tone) => sum + counts[tone], 0);
  const radius = total < 10 ? 17 : total < 100 ? 21 : total < 1000 ? 25 : 30;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "cluster";
  button.setAttribute("aria-label", label);
  button.append(clusterRing(counts, total, radius));
  return button;
}

const SVG = "http://www.w3.org/2000/svg";

function clusterRing(counts: Readonly<Record<PinTone, number>>, total: number, radius: number): SVGElement {
  const middle = radius + 1;
  const svg = svgElement("svg", {
    width: 2 * middle,
    height: 2 * middle,
    viewBox: `0 0 ${2 * middle} ${2 * middle}`,
  });
  svg.setAttribute("aria-hidden", "true");
  svg.append(svgElement("circle", { cx: middle, cy: middle, r: radius, class: "plate" }));
  const line = radius - 3;
  const around = 2 * Math.PI * line;
  let before = 0;
  for (const tone of PIN_TONES) {
    const part = (counts[tone] / total) * around;
    if (part === 0) continue;
    svg.append(
      svgElement("circle", {
        cx: middle,
        cy: middle,
        r: line,
        class: tone,
        "stroke-dasharray": `${Math.max(part - 1.5, 1)} ${around}`,
        "stroke-dashoffset": -before,
        transform: `rotate(-90 ${middle} ${middle})`,
      }),
    );
    before += part;
  }
  const text = svgElement("text", {
    x: middle,
    y: middle,
    "text-anchor": "middle",
    "dominant-baseline": "central",
  });
  text.textContent = total < 10_000 ? String(total) : `${Math.round(total / 1000)}k`;
  svg.append(text);
  return svg;
}

function svgElement(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}
