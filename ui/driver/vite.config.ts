import { app } from "../app.ts";
import { shell } from "./shell.ts";

export default app({ folder: "driver", base: "/app/", port: 5174, plugins: [shell()] });
