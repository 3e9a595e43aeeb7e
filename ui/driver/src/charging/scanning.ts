/** Reading the code on a plug with the phone's own detector, where it has one. */

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
type DetectorClass = new (options: { formats: string[] }) => Detector;

const PAUSE = 200; // milliseconds between two looks
const PATIENCE = 60_000;

function detector(): DetectorClass | undefined {
  return (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
}

export function canScan(): boolean {
  return detector() !== undefined && "mediaDevices" in navigator;
}

/** The text of the first code seen. Rejects when there is no camera, no leave, or no code within a minute. */
export async function scan(video: () => HTMLVideoElement | undefined): Promise<string> {
  const reader = new (detector()!)({ formats: ["qr_code"] });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  try {
    const until = Date.now() + PATIENCE;
    while (Date.now() < until) {
      const screen = video();
      if (screen && !screen.srcObject) {
        screen.srcObject = stream;
        await screen.play();
      }
      const [code] = screen ? await reader.detect(screen) : [];
      if (code) return code.rawValue;
      await new Promise((go) => setTimeout(go, PAUSE));
    }
    throw new Error("no code seen");
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

/** The plug's id in what was typed or scanned: the last part of an address, or the text itself. */
export function plugIn(text: string): string {
  const trimmed = text.trim();
  const last = trimmed.replace(/[?#].*$/, "").replace(/\/+$/, "").split("/").at(-1) ?? ""; // prettier-ignore
  return (trimmed.includes("://") ? decodeURIComponent(last) : trimmed).toUpperCase();
}
