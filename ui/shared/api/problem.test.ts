import { expect, test } from "vitest";

import { Problem, problemOf } from "./problem";

const answer = (status: number, body: unknown): Response =>
  new Response(typeof body === "string" ? body : JSON.stringify(body), {
    status,
    statusText: "Unprocessable",
  });

test("a problem keeps its code, its sentence and its fields", async () => {
  const body = {
    code: "input_invalid",
    detail: "The name is taken.",
    problems: { name: "Taken." },
  };
  const problem = await problemOf(answer(422, body));
  expect([problem.code, problem.status, problem.message]).toEqual([
    "input_invalid",
    422,
    "The name is taken.",
  ]);
  expect(problem.field("name")).toBe("Taken.");
});

test("a refusal's details may name the fields too", async () => {
  const problem = await problemOf(
    answer(422, {
      code: "input_invalid",
      title: "No.",
      details: { problems: { site_id: "Field required" } },
    }),
  );
  expect(problem.field("site_id")).toBe("Field required");
});

test("an answer that is no JSON still is a problem", async () => {
  const problem = await problemOf(answer(502, "<html>Bad gateway</html>"));
  expect(problem).toBeInstanceOf(Problem);
  expect(problem.code).toBe("unexpected");
});
