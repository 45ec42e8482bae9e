/* SPDX-License-Identifier: Apache-2.0
 * A tool without JSON code: polygon.json describes polygon_measure, and llmspell calls it. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

struct measures {
    uint32_t corners;
    double area, perimeter;
    struct {
        double x, y;
    } centroid;
};

int polygon_measure(const double *coordinates, size_t count, struct measures *ret_measures);
const char *polygon_error(int code);

int polygon_measure(const double *coordinates, size_t count, struct measures *ret_measures)
{
    if (count % 2 != 0)
        return 1;
    if (count < 6)
        return 2;
    double twice = 0, x = 0, y = 0, perimeter = 0;
    for (size_t i = 0; i < count; i += 2) {
        const double *a = coordinates + i, *b = coordinates + (i + 2) % count;
        double cross = a[0] * b[1] - b[0] * a[1];
        twice += cross;
        x += (a[0] + b[0]) * cross;
        y += (a[1] + b[1]) * cross;
        perimeter += hypot(b[0] - a[0], b[1] - a[1]);
    }
    ret_measures->corners = (uint32_t)(count / 2);
    ret_measures->area = fabs(twice) / 2;
    ret_measures->perimeter = perimeter;
    ret_measures->centroid.x = x / (3 * twice);
    ret_measures->centroid.y = y / (3 * twice);
    return 0;
}

const char *polygon_error(int code)
{
    return code == 1 ? "each corner needs an x and a y" : "a polygon has at least 3 corners";
}
