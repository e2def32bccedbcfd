from featsplit.report.markup import Heading
def page(results):
    return [Heading("x", 1)]
